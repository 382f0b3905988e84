"""What the log is told of webinars and the people in them: one vocabulary for mails, rules and calendars. Pure."""

import re
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from django.conf import settings

from leads.log import NewEvent
from lifecycle.core import moments, tokens
from webinars import calendar_links
from webinars.models import Registration, Webinar

SOURCE = "webinar"
BLANKS = ("email", "phone", "first_name", "last_name", "webinar")
"""What a survey's link may have filled in, in braces."""
_BLANK = re.compile(rf"\{{({'|'.join(BLANKS)})\}}")
_OWN_NAME = re.compile(r"[A-Za-z]+")


def properties(registration: Registration, webinar: Webinar) -> dict[str, Any]:
    """All that a mail or a rule may need to know; of the person only what their own links carry.

    Queries nothing if the registration's lead and the webinar's speakers are at hand. `join_url` is empty for who has
    no seat. `webinar` is the code: the key of the runs of sequences.
    """
    join_url, page_url = way_in(registration, webinar), own_url(registration)
    return {
        "webinar": webinar.code,
        "registration": registration.pk,
        "title": webinar.title,
        "summary": webinar.summary,
        "starts_at": moments.iso(webinar.starts_at),
        "ends_at": moments.iso(webinar.ends_at),
        "when": when(webinar),
        "time_zone": webinar.time_zone,
        "minutes": webinar.minutes,
        "speakers": speakers(webinar),
        "join_url": join_url,
        "page_url": page_url,
        "public_url": public_url(webinar),
        "webinars_url": f"{settings.SITE_URL}/webinars/",
        "calendar_url": calendar_url(registration),
        "google_url": calendar_links.google(webinar, where=join_url or public_url(webinar)),
        "outlook_url": calendar_links.outlook(webinar, where=join_url or public_url(webinar)),
        "survey_url": survey_url(registration, webinar),
        "cancel_url": f"{page_url}/cancel",
        "recording_url": webinar.recording_url,
        "promoted": False,
    }


def told(kind: str, registration: Registration, webinar: Webinar, *, key: str, **more: Any) -> NewEvent:
    """An event of this registration; `key` names the fact, so that telling it twice is telling it once."""
    said = {**properties(registration, webinar), **more}
    return NewEvent(registration.lead_id, kind, said, source=SOURCE, key=key)


def registered(registration: Registration, webinar: Webinar, *, is_promoted: bool = False) -> NewEvent:
    """They have a seat: at once, or because one became free."""
    key = f"registered:{registration.pk}:{registration.sequence}"
    return told("webinar.registered", registration, webinar, key=key, promoted=is_promoted)


def own_url(registration: Registration, *, is_personal: bool = True) -> str:
    """The registration's own page. `is_personal` only in what goes to the person's own mailbox."""
    token = tokens.registration_token(registration.pk, is_personal=is_personal)
    return f"{settings.SITE_URL}/webinars/r/{token}"


def way_in(registration: Registration, webinar: Webinar, *, is_personal: bool = True) -> str:
    """The link to join that they are told; "" without a seat. `is_personal` as for `own_url`.

    Until Zoom has named their own it is one of ours, which leads there once it has: no mail waits for it or is wrong.
    """
    if registration.state != Registration.State.REGISTERED:
        return ""
    if registration.join_url:
        return registration.join_url if is_personal else ""
    return f"{own_url(registration)}/join" if webinar.zoom_id and is_personal else webinar.join_url


def calendar_url(registration: Registration, *, is_personal: bool = True) -> str:
    return f"{own_url(registration, is_personal=is_personal)}/calendar.ics"


def public_url(webinar: Webinar) -> str:
    return f"{settings.SITE_URL}/webinars/{webinar.code}"


def survey_url(registration: Registration, webinar: Webinar) -> str:
    """The survey with what is known of the person filled in."""
    lead = registration.lead
    return filled_survey(
        webinar,
        {"email": lead.email, "phone": lead.phone, "first_name": lead.first_name, "last_name": lead.last_name},
    )


def filled_survey(webinar: Webinar, known: dict[str, str]) -> str:
    values = {**known, "webinar": webinar.code}
    return _BLANK.sub(lambda blank: quote(values.get(blank[1], ""), safe=""), webinar.survey_url)


def speakers(webinar: Webinar) -> str:
    """Their names as one says them: “Ada Park, Leo Ruiz and Kim Low”."""
    names = [speaker.name for speaker in webinar.speakers.all()]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def when(webinar: Webinar) -> str:
    """In the webinar's zone: “Tuesday, 24 November 2026, 16:00–17:00 CET”."""
    zone = ZoneInfo(webinar.time_zone)
    start, end = webinar.starts_at.astimezone(zone), webinar.ends_at.astimezone(zone)
    until = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%A %H:%M}"
    return f"{start:%A}, {start.day} {start:%B %Y}, {start:%H:%M}–{until} {zone_name(start)}"


def zone_name(moment: datetime) -> str:
    """“CET”, or “UTC+03:00” where the zone has no name of its own."""
    name = moment.tzname() or ""
    return name if _OWN_NAME.fullmatch(name) else f"UTC{moment:%:z}"
