"""A webinar in somebody's calendar, as an iCalendar object (RFC 5545, 5546). Pure.

One UID for ever; who has it already gets a change by a higher SEQUENCE. Times are UTC, lines are folded at 75 octets
and texts are escaped by the icalendar library.
"""

import enum
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from icalendar import Alarm, Calendar, Event, vCalAddress, vText

PRODUCT = "-//Lifecycle//Webinars//EN"
REMIND_BEFORE = timedelta(minutes=10)

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_BREAKS = re.compile(r"\r\n?|[\u2028\u2029\x85]")
# A double quote cannot stand in a parameter (RFC 5545, 3.2), and not every calendar knows RFC 6868's way out. Some
# read a backslash there as if it were in a text, so that it takes the next character with it.
_IN_PARAMETER = str.maketrans({'"': "'", "^": None, "\\": None})
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


class Method(enum.StrEnum):
    """What the object wants of the calendar; a mail's MIME part says the same."""

    REQUEST = "REQUEST"  # an invitation, or a change of one
    CANCEL = "CANCEL"
    PUBLISH = "PUBLISH"  # to be added by hand: nobody is asked to answer


@dataclass(frozen=True, slots=True)
class Party:
    email: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in the calendar. `starts_at` and `ends_at` are aware."""

    uid: str
    sequence: int
    starts_at: datetime
    ends_at: datetime
    title: str
    description: str = ""
    location: str = ""
    url: str = ""


def invite(entry: Entry, *, method: Method, organizer: Party, attendee: Party | None, stamp: datetime) -> bytes:
    """The whole iCalendar object with CRLF line ends, UTF-8. Published, it names no attendee."""
    calendar = Calendar()
    for name, value in (("version", "2.0"), ("prodid", PRODUCT), ("calscale", "GREGORIAN"), ("method", method.value)):
        calendar.add(name, value)
    event = _event(entry, stamp)
    event.add("organizer", _address(organizer))
    if attendee and method is not Method.PUBLISH:
        event.add("attendee", _address(attendee, **_ASKED if method is Method.REQUEST else {}))
    event.add("status", "CANCELLED" if method is Method.CANCEL else "CONFIRMED")
    if method is not Method.CANCEL:
        event.add_component(_alarm(entry.title))
    calendar.add_component(event)
    return bytes(calendar.to_ical())


_ASKED = {"cutype": "INDIVIDUAL", "role": "REQ-PARTICIPANT", "partstat": "NEEDS-ACTION", "rsvp": "TRUE"}


def _event(entry: Entry, stamp: datetime) -> Event:
    event = Event()
    event.add("uid", one_line(entry.uid))
    event.add("sequence", entry.sequence)
    event.add("dtstamp", _utc(stamp))
    event.add("dtstart", _utc(entry.starts_at))
    event.add("dtend", _utc(entry.ends_at))
    event.add("summary", one_line(entry.title))
    event.add("transp", "OPAQUE")
    if entry.description:
        event.add("description", clean(entry.description))
    if entry.location:
        event.add("location", one_line(entry.location))
    if entry.url:
        event.add("url", one_line(entry.url))
    return event


def _address(party: Party, **parameters: str) -> vCalAddress:
    address = vCalAddress(f"mailto:{one_line(party.email)}")
    if name := one_line(party.name.translate(_IN_PARAMETER)):
        address.params["CN"] = vText(name)
    for key, value in parameters.items():
        address.params[key.upper()] = vText(value)
    return address


def _alarm(title: str) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -REMIND_BEFORE)
    alarm.add("description", one_line(title))
    return alarm


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def clean(text: str) -> str:
    """The text with \\n as its only line break and without what cannot be printed."""
    return _UNPRINTABLE.sub("", _BREAKS.sub("\n", text))


def one_line(text: str) -> str:
    return _SPACES.sub(" ", text).strip()
