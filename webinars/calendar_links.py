"""Links that put a webinar into the calendars that live in a browser. Pure."""

from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from webinars.models import Webinar

_COMPACT = "%Y%m%dT%H%M%SZ"
_LONG = "%Y-%m-%dT%H:%M:%SZ"


def google(webinar: Webinar, *, where: str) -> str:
    """`where`: the address that people go to, of the join link or the webinar's page."""
    span = f"{_utc(webinar.starts_at, _COMPACT)}/{_utc(webinar.ends_at, _COMPACT)}"
    given = {"action": "TEMPLATE", "text": webinar.title, "dates": span, "details": _details(webinar, where)}
    return "https://calendar.google.com/calendar/render?" + _encoded({**given, "location": where})


def outlook(webinar: Webinar, *, where: str) -> str:
    """As `google`, for Outlook on the web."""
    given = {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": webinar.title,
        "startdt": _utc(webinar.starts_at, _LONG),
        "enddt": _utc(webinar.ends_at, _LONG),
        "body": _details(webinar, where),
        "location": where,
    }
    return "https://outlook.live.com/calendar/0/deeplink/compose?" + _encoded(given)


def _encoded(given: dict[str, str]) -> str:
    """Blanks as %20: Outlook shows a plus as it is."""
    return urlencode({name: value for name, value in given.items() if value}, quote_via=quote)


def _details(webinar: Webinar, where: str) -> str:
    return "\n\n".join(part for part in (webinar.summary, where) if part)


def _utc(moment: datetime, pattern: str) -> str:
    return moment.astimezone(UTC).strftime(pattern)
