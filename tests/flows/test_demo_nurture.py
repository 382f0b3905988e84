"""From the contact form to a booked demo, or to the seventh mail."""

import re

import pytest

from tests.cast import ADA, SITE, World, footer_link, kinds, links, messages, one_click, run_of

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

DAYS = [0, 7, 14, 21, 28, 43, 58]


def test_a_contact_form_brings_seven_mails_in_58_days_and_then_none(world: World) -> None:
    ada = world.submit("contact", **ADA)
    world.run()
    for number, day in enumerate(DAYS[1:], start=1):
        world.at(days=day, seconds=-1)
        assert len(world.mails_to(ada)) == number, f"too early for day {day}"
        world.at(days=day)
        assert len(world.mails_to(ada)) == number + 1, f"missing on day {day}"
    assert len(set(world.subjects(ada))) == 7
    assert world.subjects(ada)[5] == "Ada, is it still on your list?"
    run = run_of(ada, "demo-nurture")
    assert (run.state, run.exit_reason) == ("ended", "completed")
    assert [state for _, state, _ in messages(ada)] == ["sent"] * 7
    assert kinds(ada).count("email.sent") == 7
    world.at(days=400)
    assert len(messages(ada, sequence__slug="demo-nurture")) == 7


def test_each_mail_is_whole_and_says_why_it_comes_and_how_to_stop_it(world: World) -> None:
    ada = world.submit("contact", **ADA)
    for day in DAYS:
        world.at(days=day)
    ids = set()
    for mail in world.mails_to(ada):
        message = mail.message
        ids.add(message["Message-ID"])
        assert str(message["To"]) == "Ada Ash <ada@acme.com>"
        assert str(message["From"]).endswith("<mia@example.com>")
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert re.fullmatch(
            rf"<{SITE}/u/[\w-]+>, <mailto:unsubscribe@example\.com[^>]*>", str(message["List-Unsubscribe"])
        )
        assert message["Date"]
        for part in (mail.text, mail.html):
            assert "1 Example Street" in part
            assert "you filled in our contact form" in part
            assert footer_link(mail, "u") in part
            assert footer_link(mail, "preferences") in part
            assert "{{" not in part
        assert one_click(mail) == footer_link(mail, "u")
        assert mail.html.count("background:#2952cc") + mail.html.count('bgcolor="#2952cc"') >= 1
    assert len(ids) == 7


def test_each_mail_asks_for_one_thing(world: World) -> None:
    ada = world.submit("contact", **ADA)
    for day in DAYS:
        world.at(days=day)
    for mail in world.mails_to(ada):
        assert len(set(links(mail))) == 1, mail.subject
        answer = world.follow(links(mail)[0])
        assert answer.status_code == 302
        assert answer["Location"].startswith("https://")


def test_a_booking_after_the_second_mail_stops_the_rest(world: World) -> None:
    ada = world.submit("contact", **ADA)
    world.at(days=0)
    world.at(days=7)
    world.later(days=2)
    world.tell(ada, "meeting.booked", event_name="Demo", at="2026-03-20T10:00:00Z")
    run = run_of(ada, "demo-nurture")
    assert (run.state, run.exit_reason) == ("ended", "goal: meeting.booked")
    assert run.exit_event_id is not None
    for day in (*DAYS, 70):
        world.at(days=9 + day)
    assert len(world.mails_to(ada)) == 2
    assert ada.stage == "sql"


def test_a_booking_cancels_the_mail_that_is_ready_to_go(world: World) -> None:
    ada = world.submit("contact", **ADA)
    world.smtp.script(ada.email, rcpt="451 4.7.1 come back later", times=1)
    world.at(days=0)
    assert messages(ada)[0][:2] == ("mail-1", "ready")
    world.later(seconds=20)
    world.tell(ada, "meeting.booked")
    assert messages(ada) == [("mail-1", "canceled", "goal: meeting.booked")]
    world.at(days=1)
    assert world.mails_to(ada) == []


def test_who_has_booked_already_is_not_nurtured(world: World) -> None:
    ada = world.submit("newsletter", email=ADA["email"])
    world.tell(ada, "meeting.booked")
    world.submit("contact", **ADA)
    world.at(days=60)
    assert "demo-nurture" not in ada.enrollments.values_list("sequence__slug", flat=True)
