"""Invitations as a calendar program reads them."""

import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Event

from webinars import ics
from webinars.ics import Entry, Method, Party

STAMP = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOST = Party("mia@example.com", "Mia of Lifecycle")
ADA = Party("ada@acme.com", "Ada Ash")
JOIN = "https://zoom.us/j/93?pwd=a,b;c"
texts = st.text(st.characters(codec="utf-8"), max_size=400)
HARD = 'Fit, intent; and \\ a "score"\nin two lines'


def entry(**changes: object) -> Entry:
    begins = datetime(2026, 3, 9, 18, tzinfo=UTC)
    values = {"uid": "7f3@crm.example.com", "sequence": 0, "starts_at": begins, "ends_at": begins + timedelta(hours=1)}
    return Entry(**({**values, "title": "Scoring", "location": JOIN, "url": "https://crm.example.com/w"} | changes))


def document(given: Entry, method: Method = Method.REQUEST, attendee: Party = ADA) -> bytes:
    return ics.invite(given, method=method, organizer=HOST, attendee=attendee, stamp=STAMP)


def read(raw: bytes) -> tuple[Calendar, Event]:
    calendar = Calendar.from_ical(raw)
    (event,) = calendar.walk("VEVENT")
    return calendar, event


@settings(max_examples=200, deadline=None)
@given(
    title=texts,
    description=texts,
    name=texts,
    sequence=st.integers(0, 2**31 - 1),
    method=st.sampled_from(Method),
    begins=st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.timezones()),
)
@example(HARD, HARD, HARD, 3, Method.REQUEST, STAMP)
@example("🎥" * 40, "Größe " * 60, "Zoë 🎥 " * 20, 0, Method.CANCEL, STAMP)
@example("日本語のウェビナー" * 12, "\\n, \\, ;", 'O"Neil ^n, Ann; x:y', 1, Method.PUBLISH, STAMP)
@example("", "", "\\", 0, Method.REQUEST, STAMP)
@example("", "", "Ada \\; Ash\\", 0, Method.CANCEL, STAMP)
@example("\ud800x\0\x85y", "a\r\nb\rc", "\r\nATTENDEE:mailto:all@example.com", 1, Method.REQUEST, STAMP)
def test_whatever_it_is_called_a_calendar_reads_what_was_meant(title, description, name, sequence, method, begins):
    written = entry(
        title=title, description=description, sequence=sequence, starts_at=begins, ends_at=begins + timedelta(hours=1)
    )
    raw = document(written, method, Party("ada@acme.com", name))
    assert raw.endswith(b"END:VCALENDAR\r\n")
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    calendar, event = read(raw)
    assert calendar["METHOD"] == method.value
    assert (event["UID"], event["SEQUENCE"]) == ("7f3@crm.example.com", sequence)
    assert str(event.get("SUMMARY", "")) == ics.one_line(title)
    assert str(event.get("DESCRIPTION", "")) == ics.clean(description)
    assert event.decoded("DTSTART") == begins.astimezone(UTC).replace(microsecond=0)
    assert event["DTSTART"].to_ical().endswith(b"Z")
    assert not calendar.errors
    assert not event.errors
    if method is not Method.PUBLISH:
        assert str(event["ATTENDEE"]) == "mailto:ada@acme.com"
        assert event["ATTENDEE"].params.get("CN", "") == ics.one_line(re.sub(r"[\^\\]", "", name).replace('"', "'"))


def test_an_invitation_asks_for_an_answer():
    calendar, event = read(document(entry(description="See you there")))
    assert (calendar["VERSION"], calendar["METHOD"]) == ("2.0", "REQUEST")
    assert event["STATUS"] == "CONFIRMED"
    assert event["ORGANIZER"] == "mailto:mia@example.com"
    assert event["ORGANIZER"].params["CN"] == "Mia of Lifecycle"
    asked = {"PARTSTAT": "NEEDS-ACTION", "RSVP": "TRUE", "ROLE": "REQ-PARTICIPANT", "CN": "Ada Ash"}
    assert asked.items() <= event["ATTENDEE"].params.items()
    assert event.decoded("DTSTAMP") == STAMP
    assert (event["LOCATION"], event["URL"]) == (JOIN, "https://crm.example.com/w")
    (alarm,) = event.walk("VALARM")
    assert alarm.decoded("TRIGGER") == -timedelta(minutes=10)


def test_a_cancellation_is_of_the_same_entry_and_rings_no_bell():
    calendar, event = read(document(entry(sequence=4), Method.CANCEL))
    assert (calendar["METHOD"], event["STATUS"], event["SEQUENCE"]) == ("CANCEL", "CANCELLED", 4)
    assert event["UID"] == read(document(entry()))[1]["UID"]
    assert event["ATTENDEE"] == "mailto:ada@acme.com"
    assert not event.walk("VALARM")


def test_a_file_to_add_by_hand_asks_nobody():
    calendar, event = read(document(entry(), Method.PUBLISH))
    assert calendar["METHOD"] == "PUBLISH"
    assert "ATTENDEE" not in event


def test_times_are_utc_whatever_zone_they_were_given_in():
    """Clocks are changed in Berlin on 29 March 2026."""
    berlin = ZoneInfo("Europe/Berlin")
    for day, hour in ((28, 17), (29, 16)):
        given = datetime(2026, 3, day, 18, tzinfo=berlin)
        _, event = read(document(entry(starts_at=given, ends_at=given + timedelta(hours=1))))
        assert event["DTSTART"].to_ical() == f"202603{day}T{hour}0000Z".encode()
    odd = datetime(2026, 3, 9, 18, 0, 30, 999, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    assert read(document(entry(starts_at=odd)))[1]["DTSTART"].to_ical() == b"20260309T121530Z"
