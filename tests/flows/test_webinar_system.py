"""The webinar system: from “I would like to come” to the recording, as a marketer would tell it.

WB001 is on Tuesday, 10 March 2026, at 16:00 in Berlin, which is 15:00 UTC, eight days and three hours into the story.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from leads.models import Lead
from tests.cast import ADA, BEN, SAM, World, links, path_of, run_of
from tests.webinars.cast import STARTS, make_webinar
from tests.webinars.story import (
    DAY_BEFORE,
    HOUR_BEFORE,
    REMINDERS,
    TEN_BEFORE,
    attend,
    by_api,
    by_page,
    has_no_invitation,
    invitation,
    mail_of,
    move,
    reminders,
    told,
    wait_until,
)
from webinars import attending, moving, registering
from webinars.models import Registration

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]


def test_three_ways_to_register_and_the_invitation_comes_at_once(world: World) -> None:
    survey = "https://survey.example.com/s?m={email}&p={phone}&w={webinar}"
    webinar = make_webinar(speakers=["Ada Park", "Leo Ruiz"], survey_url=survey)
    ada = by_api(world, webinar, **ADA, organization_type="Software Company", phone="+49 30 5550")
    ben = world.submit("webinar", **BEN, webinar="WB001", organization_type="YMCA")
    sam = by_page(world, webinar, **SAM, organization_type="Assisted Living")
    world.run()

    sources = dict(Registration.objects.values_list("lead__first_name", "source"))
    assert sources == {"Ada": "api", "Ben": sources["Ben"], "Sam": "page"}
    for lead in (ada, ben, sam):
        lead.refresh_from_db()
        assert (lead.webinars, lead.form_source) == ("WB001", "webinar")
        assert lead.primary_audience
    assert len({ada.primary_audience, ben.primary_audience, sam.primary_audience}) == 3

    mail = mail_of(world, ada, "You are in: Onboarding that sticks")
    assert "Tuesday, 10 March 2026, 16:00–16:45 CET" in mail.text
    assert "with Ada Park and Leo Ruiz" in mail.text
    urls = links(mail)
    assert "https://meet.example.com/j/123" in urls
    assert "https://survey.example.com/s?m=ada%40acme.com&p=%2B49%2030%205550&w=WB001" in urls
    assert any(url.startswith("https://calendar.google.com/") for url in urls)
    assert any(url.startswith("https://outlook.live.com/") for url in urls)

    method, entry = invitation(mail)
    assert (method, entry["SEQUENCE"], entry["STATUS"]) == ("REQUEST", 0, "CONFIRMED")
    assert (entry.decoded("DTSTART"), entry.decoded("DTEND")) == (STARTS, STARTS + timedelta(minutes=45))
    assert entry["ATTENDEE"] == "mailto:ada@acme.com"
    assert entry["ORGANIZER"] == "mailto:mia@example.com"
    assert entry["LOCATION"] == "https://meet.example.com/j/123"
    assert entry["UID"] != invitation(mail_of(world, ben, "You are in"))[1]["UID"]

    (link,) = [url for url in urls if url.endswith("/calendar.ics")]
    answer = world.follow(link)
    calendar = Calendar.from_ical(answer.content)
    assert calendar["METHOD"] == "PUBLISH"
    assert calendar.walk("VEVENT")[0]["UID"] == entry["UID"]
    assert answer["Content-Disposition"] == 'inline; filename="WB001.ics"'
    assert answer["Content-Type"].startswith("text/calendar")


def test_reminders_a_day_an_hour_and_ten_minutes_before_and_none_afterwards(world: World) -> None:
    webinar = make_webinar()
    ada = by_api(world, webinar, **ADA)
    world.run()
    for span, seen in ((DAY_BEFORE, 1), (HOUR_BEFORE, 2), (TEN_BEFORE, 3)):
        wait_until(world, STARTS - span - timedelta(minutes=1))
        assert reminders(world, ada) == REMINDERS[: seen - 1]
        wait_until(world, STARTS - span)
        assert reminders(world, ada) == REMINDERS[:seen]
        assert "https://meet.example.com/j/123" in links(world.mails_to(ada)[-1])
        assert has_no_invitation(world.mails_to(ada)[-1])
    wait_until(world, STARTS + timedelta(minutes=5))
    assert reminders(world, ada) == REMINDERS
    assert run_of(ada, "webinar-reminders").exit_reason == "completed"


def test_who_registers_half_an_hour_before_gets_only_the_last_reminder(world: World) -> None:
    webinar = make_webinar()
    wait_until(world, STARTS - timedelta(minutes=30))
    ada = by_api(world, webinar, **ADA)
    world.run()
    assert told(world, ada) == ["You are in: Onboarding that sticks"]
    wait_until(world, STARTS - TEN_BEFORE)
    wait_until(world, STARTS + timedelta(minutes=1))
    assert reminders(world, ada) == REMINDERS[2:]


def test_nobody_is_reminded_of_what_has_begun(world: World) -> None:
    """The engine stood still from two days before until five minutes after the start."""
    webinar = make_webinar()
    ada = by_api(world, webinar, **ADA)
    wait_until(world, STARTS - timedelta(days=2))
    wait_until(world, STARTS + timedelta(minutes=5))
    assert reminders(world, ada) == []


def test_a_webinar_is_moved_by_a_week_after_its_first_reminder(world: World) -> None:
    webinar = make_webinar()
    ada = by_api(world, webinar, **ADA)
    world.run()
    _, first = invitation(mail_of(world, ada, "You are in"))
    wait_until(world, STARTS - DAY_BEFORE)
    new = STARTS + timedelta(days=7)
    world.later(hours=2)
    move(world, webinar, new)
    world.run()

    mail = mail_of(world, ada, "New time: Onboarding that sticks")
    assert "Tuesday, 17 March 2026, 16:00–16:45 CET" in mail.text
    assert "no longer on Tuesday, 10 March 2026" in mail.text
    method, entry = invitation(mail)
    assert (method, entry["UID"], entry["SEQUENCE"]) == ("REQUEST", first["UID"], 1)
    assert entry.decoded("DTSTART") == new

    for moment in (STARTS - HOUR_BEFORE, STARTS - TEN_BEFORE, new - DAY_BEFORE, new - HOUR_BEFORE, new - TEN_BEFORE):
        wait_until(world, moment)
    assert reminders(world, ada) == [REMINDERS[0], *REMINDERS]
    assert "17 March 2026" in world.mails_to(ada)[-2].text


def test_moved_twice_before_anybody_was_told_it_is_told_once_as_it_is_now(world: World) -> None:
    """Also in the confirmation that had not left yet."""
    webinar = make_webinar()
    ada = by_api(world, webinar, **ADA)
    for days in (1, 2):
        world.later(minutes=1)
        move(world, webinar, STARTS + timedelta(days=days))
    world.run()
    for subject in ("You are in", "New time"):
        mail = mail_of(world, ada, subject)
        assert "Thursday, 12 March 2026" in mail.text
        _, entry = invitation(mail)
        assert (entry["SEQUENCE"], entry.decoded("DTSTART")) == (2, STARTS + timedelta(days=2))


def test_moved_to_sooner_only_what_is_still_ahead_is_sent(world: World) -> None:
    webinar = make_webinar()
    ada = by_api(world, webinar, **ADA)
    world.at(days=2)
    sooner = world.now + timedelta(minutes=40)
    move(world, webinar, sooner)
    world.run()
    assert mail_of(world, ada, "New time")
    assert reminders(world, ada) == []
    wait_until(world, sooner - TEN_BEFORE)
    wait_until(world, STARTS - DAY_BEFORE)
    assert reminders(world, ada) == REMINDERS[2:]


def test_moved_across_the_night_when_clocks_change(world: World) -> None:
    """From Friday to Sunday, 29 March, 16:00 in Berlin; a day before it is 16:00 there too, 23 hours earlier."""
    webinar = make_webinar(starts_at=datetime(2026, 3, 27, 15, tzinfo=UTC))
    ada = by_api(world, webinar, **ADA, timezone="Europe/Berlin")
    Lead.objects.filter(pk=ada.pk).update(timezone="Europe/Berlin")
    world.at(days=3)
    sunday = datetime(2026, 3, 29, 14, tzinfo=UTC)
    move(world, webinar, sunday)
    world.run()
    assert "Sunday, 29 March 2026, 16:00–16:45 CEST" in mail_of(world, ada, "New time").text
    assert invitation(mail_of(world, ada, "New time"))[1]["DTSTART"].to_ical() == b"20260329T140000Z"
    wait_until(world, sunday - timedelta(hours=23, minutes=1))
    assert reminders(world, ada) == []
    wait_until(world, sunday - timedelta(hours=23))
    assert reminders(world, ada) == REMINDERS[:1]
    wait_until(world, sunday - HOUR_BEFORE)
    assert reminders(world, ada) == REMINDERS[:2]


def test_called_off_a_minute_before_its_reminders(world: World) -> None:
    webinar = make_webinar(capacity=1)
    ada, ben = by_api(world, webinar, **ADA), by_api(world, webinar, **BEN)
    world.run()
    _, first = invitation(mail_of(world, ada, "You are in"))
    world.set_clock(STARTS - DAY_BEFORE - timedelta(minutes=1))
    moving.cancel(webinar.pk, now=world.now)
    wait_until(world, STARTS - DAY_BEFORE)
    wait_until(world, STARTS - HOUR_BEFORE)
    assert reminders(world, ada) == []
    mail = mail_of(world, ada, "Canceled: Onboarding that sticks")
    method, entry = invitation(mail)
    assert (method, entry["STATUS"], entry["UID"], entry["SEQUENCE"]) == ("CANCEL", "CANCELLED", first["UID"], 1)
    assert run_of(ada, "webinar-reminders").exit_reason == "goal: webinar.canceled"
    assert has_no_invitation(mail_of(world, ben, "Canceled"))  # who waited for a seat has nothing in the calendar

    (link,) = [url for url in links(mail_of(world, ada, "You are in")) if url.endswith("/calendar.ics")]
    calendar = Calendar.from_ical(world.follow(link).content)
    assert (calendar["METHOD"], calendar.walk("VEVENT")[0]["SEQUENCE"]) == ("CANCEL", 1)


def test_a_full_webinar_a_seat_given_back_and_the_first_in_line_gets_it(world: World) -> None:
    webinar = make_webinar(capacity=1)
    ada = by_api(world, webinar, **ADA)
    world.later(minutes=1)
    ben = by_api(world, webinar, **BEN)
    world.run()
    assert told(world, ben) == ["On the waiting list: Onboarding that sticks"]
    assert has_no_invitation(mail_of(world, ben, "On the waiting list"))
    assert Lead.objects.get(pk=ben.pk).webinars == ""

    world.later(days=1)
    (way_out,) = [url for url in links(mail_of(world, ada, "You are in")) if url.endswith("/cancel")]
    assert world.follow(way_out).status_code == 200  # looking changes nothing
    assert world.browser.post(path_of(way_out)).status_code == 303
    world.run()
    method, entry = invitation(mail_of(world, ada, "You are no longer registered"))
    assert (method, entry["SEQUENCE"]) == ("CANCEL", 1)
    mail = mail_of(world, ben, "A seat came free, and it is yours: Onboarding that sticks")
    assert invitation(mail)[0] == "REQUEST"
    wait_until(world, STARTS - DAY_BEFORE)
    assert (reminders(world, ada), reminders(world, ben)) == ([], REMINDERS[:1])

    world.later(hours=1)
    moving.resize(webinar.pk, 2, now=world.now)
    by_api(world, webinar, **ADA)
    world.run()
    again = [mail for mail in world.mails_to(ada) if "You are in" in mail.subject]
    assert len(again) == 2
    method, entry = invitation(again[1])
    assert (method, entry["SEQUENCE"]) == ("REQUEST", 2)


def test_two_webinars_at_once_and_the_history_reads_as_it_should(world: World) -> None:
    onboarding = make_webinar()
    make_webinar(title="Not mine")
    scoring = make_webinar(title="Scoring", starts_at=STARTS + timedelta(hours=2))
    ada = by_api(world, onboarding, **ADA)
    for webinar in (scoring, onboarding):
        world.later(minutes=1)
        by_api(world, webinar, **ADA, utm_source="newsletter")
    world.run()
    ada.refresh_from_db()
    assert ada.webinars == "WB001, WB003"
    assert sorted(told(world, ada)) == ["You are in: Onboarding that sticks", "You are in: Scoring"]
    registering.cancel(Registration.objects.get(webinar=onboarding).pk, now=world.now + timedelta(minutes=1))
    starts = (STARTS, STARTS + timedelta(hours=2))
    for moment in sorted(start - span for start in starts for span in (DAY_BEFORE, HOUR_BEFORE, TEN_BEFORE)):
        wait_until(world, moment)
    assert reminders(world, ada) == ["Tomorrow: Scoring", "In an hour: Scoring", "In ten minutes: Scoring"]
    ada.refresh_from_db()
    assert ada.webinars == "WB001, WB003"  # appended, never overwritten, no code twice


def test_thanks_for_those_who_came_and_the_recording_for_those_who_did_not(world: World) -> None:
    webinar = make_webinar()
    ada, ben = by_api(world, webinar, **ADA, consent="true"), by_api(world, webinar, **BEN, consent="true")
    world.run()
    attend(Registration.objects.get(lead=ada), minutes=40)
    over = STARTS + timedelta(minutes=45)
    attending.end(webinar.pk, at=over)
    wait_until(world, over + timedelta(minutes=20))
    thanks = mail_of(world, ada, "Thank you for being there: Onboarding that sticks")
    assert "the recording comes to your webinar page" in " ".join(thanks.text.split())
    wait_until(world, over + timedelta(hours=2))
    assert mail_of(world, ben, "We missed you: Onboarding that sticks")
    assert not [subject for subject in world.subjects(ben) if "Thank you" in subject]

    wait_until(world, over + timedelta(days=1))
    moving.publish(webinar.pk, "https://video.example.com/wb001", now=world.now)
    moving.publish(webinar.pk, "https://video.example.com/wb001", now=world.now)
    world.run()
    for lead in (ada, ben):
        mail = mail_of(world, lead, "The recording: Onboarding that sticks")
        assert "https://video.example.com/wb001" in links(mail)
    wait_until(world, over + timedelta(days=3))
    step = [subject for subject in world.subjects(ada) if "your own numbers" in subject]
    assert step == ["What would it look like with your own numbers?"]
    assert not [subject for subject in world.subjects(ben) if "your own numbers" in subject]


def test_who_booked_a_demo_after_the_webinar_is_not_asked_to_book_one(world: World) -> None:
    webinar = make_webinar()
    ada = by_api(world, webinar, **ADA, consent="true")
    attend(Registration.objects.get(lead=ada), minutes=40)
    over = STARTS + timedelta(minutes=45)
    attending.end(webinar.pk, at=over)
    wait_until(world, over + timedelta(minutes=20))
    world.later(hours=3)
    world.tell(ada, "meeting.booked", booking_id="b-1")
    wait_until(world, over + timedelta(days=3))
    assert not [subject for subject in world.subjects(ada) if "your own numbers" in subject]


def test_what_is_written_into_the_form_stays_text_in_the_calendar(world: World) -> None:
    webinar = make_webinar(title="Fit, intent; and \\ more", summary="One,\ntwo; three\\four")
    hostile: dict[str, Any] = {**ADA, "first_name": 'A"\r\nATTENDEE:mailto:all@example.com', "last_name": "Ash; x:y"}
    ada = by_api(world, webinar, **hostile)
    world.run()
    _, entry = invitation(mail_of(world, ada, "You are in: Fit, intent; and \\ more"))
    assert entry["SUMMARY"] == "Fit, intent; and \\ more"
    assert str(entry["DESCRIPTION"]).startswith("One,\ntwo; three\\four\n\nJoin here: ")
    assert entry["ATTENDEE"] == "mailto:ada@acme.com"
    assert "all@example.com" not in str(entry.get("ORGANIZER"))
