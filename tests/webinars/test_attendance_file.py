"""Attendance from a file: Zoom's reports as they come, tables of any make, and what is wrong with them by line."""

import io
from datetime import UTC, datetime, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from leads.importing import FileProblem
from leads.models import AddressAlias, Lead
from tests import staff
from tests.factories import NOON, LeadFactory
from tests.webinars.attendees import ENDS, STARTS, seat, told, was_there, webinar
from webinars import attendance_file, roll_call
from webinars.attending import Settled
from webinars.models import Presence, Webinar

BERLIN = ZoneInfo("Europe/Berlin")
# The session of these tests is on Monday, 9 March 2026, 12:00 UTC: 13:00 in Berlin.
WEBINAR_REPORT = """\
Attendee Report
Report Generated:,"Mar 09, 2026 14:20:11"
Topic,Webinar ID,Actual Start Time,Actual Duration (minutes),# Registered,# Cancelled,Unique Viewers,Total Users
"Scoring, honestly",933 0000 0008,"Mar 09, 2026 12:55:02",66,4,0,2,4
Host Details,
Attended,User Name (Original Name),Email,Join Time,Leave Time,Time in Session (minutes),Is Guest,Country/Region Name
Yes,"Mia Host",mia@example.com,"Mar 09, 2026 12:50:00","Mar 09, 2026 14:01:00",71,No,"Germany"
Attendee Details,
Attended,User Name (Original Name),First Name,Last Name,Email,Registration Time,Approval Status,Join Time,Leave Time,\
Time in Session (minutes),Is Guest
Yes,"Ada Ash",Ada,Ash,ada@acme.com,"Mar 02, 2026",approved,"Mar 09, 2026 13:00:00","Mar 09, 2026 13:20:00",20,Yes
Yes,"Ada (phone)",Ada,Ash,ADA@acme.com,"Mar 02, 2026",approved,"Mar 09, 2026 13:15:00","Mar 09, 2026 13:45:00",30,Yes
No,Ben,Ben,Ode,ben@ode.example,"Mar 02, 2026",approved,--,--,--,--
Yes,Walk,Walk,In,new@ode.example,"Mar 09, 2026",approved,"Mar 09, 2026 13:10:00","Mar 09, 2026 13:45:00",35,Yes
Other Attended
User Name,Join Time,Leave Time,Time in Session (minutes),Country/Region Name
49151000000,"Mar 09, 2026 13:10:00","Mar 09, 2026 13:45:00",35,"Germany"
"""
MEETING_REPORT = """\
Meeting ID,Topic,Start Time,End Time,User Email,Duration (Minutes),Participants
933 0000 0008,Scoring,03/09/2026 12:55:00 PM,03/09/2026 02:01:00 PM,mia@example.com,66,3

Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes),Guest
Ada,ada@acme.com,03/09/2026 01:00:00 PM,03/09/2026 01:20:00 PM,20,Yes
Ben,,03/09/2026 01:00:00 PM,03/09/2026 01:20:00 PM,20,Yes
"""


def read(text: str | bytes, zone: ZoneInfo = BERLIN) -> attendance_file.Reading:
    raw = text if isinstance(text, bytes) else text.encode()
    return attendance_file.read(io.BytesIO(raw), zone=zone, near=STARTS)


def at(minutes: float) -> datetime:
    return STARTS + timedelta(minutes=minutes)


def stays(reading: attendance_file.Reading) -> list[tuple]:
    return [(row.email, row.joined_at, row.left_at) for row in reading.rows]


# --- reading, pure


def test_zooms_attendee_report_as_it_comes() -> None:
    found = read(WEBINAR_REPORT)
    assert stays(found) == [
        ("ada@acme.com", at(0), at(20)),
        ("ADA@acme.com", at(15), at(45)),
        ("ben@ode.example", None, None),
        ("new@ode.example", at(10), at(45)),
    ]
    assert [row.attended for row in found.rows] == [True, True, False, True]
    assert found.refusals == []
    assert found.columns["minutes"] == "Time in Session (minutes)"


def test_zooms_participants_report_of_a_meeting() -> None:
    found = read(MEETING_REPORT)
    assert stays(found) == [("ada@acme.com", at(0), at(20))]
    assert found.refusals == [attendance_file.Refusal(6, "There is no address.")]


@pytest.mark.parametrize(
    "text",
    [
        "email,joined,left\nada@acme.com,2026-03-09 13:00,2026-03-09 13:20\n",
        "email;joined;left\r\nada@acme.com;09.03.2026 13:00:00;09.03.2026 13:20:00\r\n",
        "Joined\tE-Mail\tLeft\n2026-03-09T12:00:00Z\tada@acme.com\t2026-03-09T12:20:00Z\n",
        "\ufeffEmail Address|Join|Leave\nada@acme.com|9 Mar 2026 01:00 PM|9 Mar 2026 01:20 PM\n",
        "email,joined,left\nada@acme.com,03/09/2026 13:00,03/09/2026 13:20\n",
        "email,joined,left\nada@acme.com,09/03/2026 13:00,09/03/2026 13:20\n",
        '"email","joined","minutes"\n"ada@acme.com","2026-03-09 13:00",20\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_tables_of_any_make(text, encoding) -> None:
    raw = text.encode(encoding, "ignore")
    (row,) = read(raw).rows
    assert (row.email, row.joined_at) == ("ada@acme.com", at(0))
    assert row.left_at == at(20) or row.seconds == 1200


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",2026-03-09 13:00,,", "There is no address."),
        ("a@b.example,soon,,", "“soon” is no date and time."),
        ("a@b.example,2026-04-09 13:00,,", "“2026-04-09 13:00” is not the day of this webinar."),
        ("a@b.example,2026-03-09 13:20,2026-03-09 13:00,", "They left before they joined."),
        ("a@b.example,,,many", "“many” is no number of minutes."),
        ("a@b.example,,,-5", "“-5” is no number of minutes."),
        ("a@b.example,,,99999", "“99999” is no number of minutes."),
        ("a@b.example,,,'=1+1", "“=1+1” is no number of minutes."),
        ("a@b.example,\"=cmd|' /C calc'!A1\",,", "“=cmd|' /C calc'!A1” is no date and time."),
    ],
)
def test_what_a_line_lacks_is_said_with_its_number(line, reason) -> None:
    found = read(f"email,joined,left,minutes\nada@acme.com,,,20\n{line}\n")
    assert found.refusals == [attendance_file.Refusal(3, reason)]
    assert [(row.email, row.seconds) for row in found.rows] == [("ada@acme.com", 1200)]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "empty"),
        (b"PK\x03\x04...", "Excel"),
        (b"name,minutes\nAda,20\n", "No line names a column “Email”"),
        (b"email\nada@acme.com\n", "has to say who was there"),
        (b"<html><body>", "web page"),
        (b"ada@acme.com,20\n", "No line names"),
    ],
)
def test_what_is_no_table_of_attendance_is_refused_in_words(raw, says) -> None:
    with pytest.raises(FileProblem, match=says):
        read(raw)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_break_the_reading(raw) -> None:
    try:
        read(b"email,joined,minutes\n" + raw)
    except FileProblem:
        return


def test_ten_thousand_rows_are_read_in_seconds_and_no_more_are_taken() -> None:
    lines = [f"p{n}@acme.com,2026-03-09 13:{n % 60:02},2026-03-09 14:{n % 60:02}" for n in range(10_000)]
    began = perf_counter()
    assert len(read("email,joined,left\n" + "\n".join(lines)).rows) == 10_000
    assert perf_counter() - began < 10
    with pytest.raises(FileProblem, match="more than 10,000 rows"):
        read("email,joined,left\n" + "\n".join([*lines, "x@acme.com,2026-03-09 13:00,"]))


# --- whom it is about, and what comes of it


@pytest.fixture
def session(db) -> Webinar:
    return webinar()


def taken(session: Webinar, text: str, *, now: datetime = ENDS) -> Settled:
    found = roll_call.look(session, io.BytesIO(text.encode()), zone=BERLIN, now=now)
    return roll_call.take(session.pk, found.stays, now=now)


def test_zooms_report_settles_the_webinar_once(session) -> None:
    ada, ben = seat(session, LeadFactory(email="ada@acme.com")), seat(session, LeadFactory(email="ben@ode.example"))
    found = roll_call.look(session, io.BytesIO(WEBINAR_REPORT.encode()), zone=BERLIN, now=ENDS)
    assert (found.people, len(found.stays), found.said_absent) == (1, 2, 1)
    assert [refusal.reason for refusal in found.refusals] == ["Nobody with this address is registered."]
    assert taken(session, WEBINAR_REPORT) == Settled(attended=1, missed=1)
    assert taken(session, WEBINAR_REPORT) == Settled()
    assert told(ada) == [("webinar.attended", 45)]
    assert told(ben) == [("webinar.missed", 0)]
    assert Presence.objects.count() == 2


def test_a_file_and_what_zoom_told_count_once(session) -> None:
    ada = seat(session, LeadFactory(email="ada@acme.com"))
    was_there(ada, 50)
    taken(session, WEBINAR_REPORT)
    assert told(ada) == [("webinar.attended", 50)]


def test_a_mended_file_takes_the_place_of_the_one_before(session) -> None:
    ada = seat(session, LeadFactory(email="ada@acme.com"))
    taken(session, "email,minutes\nada@acme.com,5\n")
    assert told(ada) == [("webinar.missed", 5)]
    taken(session, "email,minutes\nada@acme.com,20\nada@acme.com,15\n")
    assert told(ada) == [("webinar.missed", 5), ("webinar.attended", 35)]
    assert Presence.objects.get().seconds == 35 * 60


def test_who_was_there_nobody_knows_how_long_was_there(session) -> None:
    ada, ben = seat(session, LeadFactory(email="ada@acme.com")), seat(session, LeadFactory(email="ben@ode.example"))
    assert taken(session, "email,attended\nada@acme.com,yes\nben@ode.example,no\n") == Settled(1, 1)
    assert (told(ada)[0][0], told(ben)[0][0]) == ("webinar.attended", "webinar.missed")


def test_a_former_address_is_the_person_too(session) -> None:
    ada = seat(session, LeadFactory(email="ada@acme.com"))
    AddressAlias.objects.create(email_normal="old@acme.com", address_hash="x", lead=ada.lead, created_at=NOON)
    assert taken(session, "email,minutes\nOld@acme.com,20\n") == Settled(attended=1)


def test_before_the_end_nobody_can_have_missed_it(session) -> None:
    with pytest.raises(roll_call.TooEarly, match="is not over"):
        taken(session, "email,minutes\nada@acme.com,20\n", now=at(30))


def test_ten_thousand_people_are_settled_in_one_go(session) -> None:
    people = LeadFactory.build_batch(2_000)
    Lead.objects.bulk_create(people)
    for lead in people[:3]:
        seat(session, lead)
    text = "email,minutes\n" + "\n".join(f"{lead.email},20" for lead in people)
    found = roll_call.look(session, io.BytesIO(text.encode()), zone=BERLIN, now=ENDS)
    assert (found.people, len(found.refusals)) == (3, 1_997)


# --- the page


def page(session: Webinar) -> str:
    return reverse("admin:webinars_webinar_attendance", args=[session.pk])


def upload(client, session, text=WEBINAR_REPORT, zone="Europe/Berlin"):
    file = SimpleUploadedFile("report.csv", text.encode(), content_type="text/csv")
    return client.post(page(session), {"file": file, "time_zone": zone})


@pytest.fixture
def after(session):
    with time_machine.travel(ENDS + timedelta(hours=1), tick=False):
        yield session


def test_a_marketer_looks_at_a_file_and_settles_the_webinar(after) -> None:
    ada = seat(after, LeadFactory(email="ada@acme.com"))
    client = staff.colleague("marketer")
    assert "Who was at WB001?" in client.get(page(after)).content.decode()
    shown = upload(client, after)
    text = shown.content.decode()
    assert "1 registered person was there" in " ".join(text.split())
    assert "Nobody with this address is registered." in text
    assert "1 person that they attended, and 0 people that they missed it" in " ".join(text.split())
    assert told(ada) == []
    done = client.post(page(after), {"stays": shown.context["stays"]}, follow=True)
    assert "Attendance is settled: 1 are told now that they attended" in done.content.decode()
    assert told(ada) == [("webinar.attended", 45)]


def test_before_it_is_done_it_is_said_who_would_be_told_what(after) -> None:
    for address in ("ada@acme.com", "ben@acme.com", "cy@acme.com"):
        seat(after, LeadFactory(email=address))
    shown = upload(staff.colleague("marketer"), after, "email,minutes\nada@acme.com,45\nben@acme.com,3\n")
    text = " ".join(shown.content.decode().split())
    assert "1 person that they attended, and 2 people that they missed it" in text
    assert not Presence.objects.exists()
    after.refresh_from_db()
    assert after.attendance_known_at is None


def test_a_problem_is_shown_at_the_file(after) -> None:
    client = staff.colleague("marketer")
    assert "No line names a column" in upload(client, after, "name\nAda\n").content.decode()
    assert "is not a time zone" in upload(client, after, zone="Berlin").content.decode()
    with time_machine.travel(at(10), tick=False):
        assert "is not over" in upload(client, after).content.decode()


def test_nobody_sends_stays_that_were_not_looked_at(after) -> None:
    client, other = staff.colleague("marketer"), webinar(code="WB002", zoom_id="2")
    seat(after, LeadFactory(email="ada@acme.com"))
    signed = upload(client, after).context["stays"]
    for address, stays_given in ((page(after), "forged"), (page(other), signed)):
        answer = client.post(address, {"stays": stays_given}, follow=True)
        assert "That page is too old" in answer.content.decode()
    with time_machine.travel(ENDS + timedelta(hours=3), tick=False):
        assert "too old" in client.post(page(after), {"stays": signed}, follow=True).content.decode()
    assert not Presence.objects.exists()


def test_sales_does_not_settle_attendance(after) -> None:
    assert staff.colleague("sales").get(page(after)).status_code == 403
    assert upload(staff.colleague("sales"), after).status_code == 403


def test_utc_is_utc() -> None:
    found = read("email,joined,left\nada@acme.com,2026-03-09 12:00,2026-03-09 12:20\n", ZoneInfo("UTC"))
    assert stays(found) == [("ada@acme.com", datetime(2026, 3, 9, 12, tzinfo=UTC), at(20))]
