"""Whether registrations get to Zoom."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from lifecycle.core import sql, wellbeing
from lifecycle.core.wellbeing import Finding, Level
from lifecycle.integrations.zoom.client import Account

AREA = "Webinars"
# Registrations that are due for longer are late.
LATE = timedelta(minutes=15)
README = "lifecycle/integrations/zoom/README.md tells how."
_FIGURES = """
    SELECT count(DISTINCT w.id) FILTER (WHERE w.state = 'open'),
           string_agg(DISTINCT w.code, ', ') FILTER (WHERE w.state = 'open' AND w.zoom_gone_at IS NOT NULL),
           count(*) FILTER (WHERE s.state = 'failed'),
           count(*) FILTER (WHERE s.state = 'ready' AND (s.detail <> '' OR s.due_at < %b::timestamptz)),
           max(s.detail) FILTER (WHERE s.state = 'ready')
    FROM webinars_webinar w LEFT JOIN webinars_registration r ON r.webinar_id = w.id
    LEFT JOIN webinars_registrantsync s ON s.registration_id = r.id
    WHERE w.state IN ('open', 'canceled') AND w.zoom_id <> '' AND w.starts_at > %b::timestamptz
"""
# Who is gone here and could not be canceled there, in any webinar that is not over.
_LEFT = """
    SELECT string_agg(coalesce(nullif(s.registrant_id, ''), 'somebody') || ' of ' || w.code, ', ' ORDER BY s.id)
    FROM webinars_registrantsync s JOIN webinars_webinar w ON w.id = s.webinar_id
    WHERE s.registration_id IS NULL AND s.state = 'failed'
      AND w.starts_at + make_interval(mins => w.minutes) > %b::timestamptz
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the open webinars to come that have a Zoom id. `gone`: codes of those deleted in Zoom. Registrations also of
    those that were called off.

    `left`: who was erased here and could not be canceled there, as Zoom calls them.
    """

    webinars: int = 0
    gone: str = ""
    failed: int = 0
    late: int = 0
    why: str = ""
    left: str = ""


def registrants(now: datetime) -> Iterator[Finding]:
    webinars, gone, failed, late, why = sql.fetch(_FIGURES, [now - LATE, now])[0]
    left = sql.fetch(_LEFT, [now])[0][0]
    figures = Figures(webinars, gone or "", failed, late, why or "", left or "")
    yield from judge(figures, is_set_up=Account.of_settings() is not None or settings.DEMO)


def judge(figures: Figures, *, is_set_up: bool) -> Iterator[Finding]:
    """What is to be said. Pure."""
    if figures.webinars and not is_set_up:
        says = f"Zoom is not told who registers for webinars that have a Zoom id; to come: {figures.webinars:,}."
        yield Finding(AREA, Level.WARNING, says, f"Set ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID, ZOOM_CLIENT_SECRET; {README}")
    elif figures.late:
        says = f"{figures.late:,} registrations are not yet in Zoom as they are here"
        yield Finding(AREA, Level.WARNING, f"{says}: {figures.why}." if figures.why else f"{says}.", README)
    if figures.gone:
        says = f"{figures.gone}: deleted in Zoom, and open for registration here."
        yield Finding(AREA, Level.PROBLEM, says, "Cancel it here, or give it the id of its new Zoom webinar.")
    if figures.left:
        says = f"Erased here, and still registered in Zoom: {figures.left}."
        yield Finding(AREA, Level.WARNING, says, "Cancel them in Zoom, under the webinar's registrants.")
    if figures.failed:
        says = f"{figures.failed:,} registrations for webinars to come could not be told to Zoom."
        remedy = "Each registration's page says why; mend that, choose them in the list, “Tell Zoom again”."
        yield Finding(AREA, Level.WARNING, says, remedy)


wellbeing.register("zoom", registrants)
