"""Rules 25 and 27: every decision explains itself, negative ones too, and the future can be seen."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from campaigns.models import Decision, Enrollment, Message
from campaigns.running import decisions
from leads.models import Lead, Workspace
from lifecycle.reports import why
from lifecycle.reports.future import future_of
from tests.cast import ADA, BEN, World, one_click, path_of, run_of
from tests.staff import colleague

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]


def ask(world: World, lead: Lead, **query: Any) -> dict[str, Any]:
    """The API's answer to a why."""
    answer = world.program.get(f"/api/v1/leads/{lead.pk}/why", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def texts(answer: dict[str, Any]) -> list[str]:
    return [line["text"] for line in answer["because"]]


def capped(world: World, messages: int) -> None:
    Workspace.objects.update_or_create(pk=1, defaults={"cap_messages": messages, "cap_days": 7})


def test_rule_25_a_mail_that_waits_says_for_what_with_the_figures_of_that_moment(world: World) -> None:
    """ "Not sent: Ana had 2 marketing mails in 7 days (cap 2); next slot Tue 09:00"."""
    capped(world, 1)
    ada = world.submit("contact", **ADA)
    world.run()
    world.tell(ada, "docs.downloaded")
    world.at(hours=1)
    answer = ask(world, ada, about="mail", sequence="api-deep-dive", mail=1)
    assert "is queued until Mon 9 Mar 2026, 12:00" in answer["answer"]
    assert "Ada had 1 marketing mail in 7 days (cap 1)" in answer["answer"]
    assert texts(answer)[0].startswith("Ada entered")
    assert any("next slot Mon 9 Mar 2026, 12:00" in text for text in texts(answer))
    # The reasons keep the figures of that moment, whatever the rule is today.
    capped(world, 5)
    assert "(cap 1)" in ask(world, ada, about="mail", sequence="api-deep-dive", mail=1)["answer"]


def test_rule_25_a_mail_that_was_sent_shows_what_each_check_saw(world: World) -> None:
    ada = world.submit("contact", **ADA)
    world.run()
    answer = ask(world, ada, about="mail", sequence="demo-nurture", mail=1)
    assert "was sent on Mon 2 Mar 2026" in answer["answer"]
    assert any(text.startswith("Cap: 0 of 5 marketing mails in 7 days") for text in texts(answer))


def test_rule_25_a_mail_that_never_came_names_the_end_of_the_run(world: World) -> None:
    ada = world.submit("contact", **ADA)
    world.run()
    world.later(minutes=5)
    world.tell(ada, "meeting.booked")
    world.at(days=30)
    answer = ask(world, ada, about="mail", sequence="demo-nurture", mail=3)
    assert "was not sent: the run ended on Mon 2 Mar 2026" in answer["answer"]
    assert "goal: meeting.booked" in answer["answer"]
    assert any("Ada left Demo nurture: goal: meeting.booked" in text for text in texts(answer))


def test_rule_25_an_opt_out_is_told_for_the_mail_it_stopped(world: World) -> None:
    capped(world, 1)
    ada = world.submit("contact", **ADA)
    world.run()
    world.tell(ada, "docs.downloaded")
    world.at(hours=1)
    world.browser.post(path_of(one_click(world.mails_to(ada)[0])), {"List-Unsubscribe": "One-Click"})
    answer = ask(world, ada, about="mail", sequence="api-deep-dive", mail=1)
    assert "was not sent" in answer["answer"]
    assert "unsubscribed" in answer["answer"]


def test_rule_25_who_was_refused_is_told_why(world: World) -> None:
    ada = world.submit("demo-request", **ADA)
    world.tell(ada, "purchase.completed", product="Pro")
    world.later(hours=2)
    world.submit("contact", **ADA)
    world.run()
    answer = ask(world, ada, about="mail", sequence="demo-nurture", mail=1)
    assert "did not enter Demo nurture" in answer["answer"]
    assert Decision.objects.filter(lead=ada, about="entry", outcome="refused").exists()


def test_rule_25_who_never_met_a_trigger_is_told_what_starts_it(world: World) -> None:
    ben = world.submit("newsletter", **BEN)
    answer = ask(world, ben, about="mail", sequence="rate-limit-help", mail=1)
    assert "never entered" in answer["answer"]
    assert "api.rate_limited" in texts(answer)[0]


def test_rule_25_score_and_stage_explain_themselves_to_the_last_point(world: World) -> None:
    ada = world.submit("contact", **ADA)
    for _ in range(3):
        world.tell(ada, "pricing.viewed")
    ada.refresh_from_db()
    score = ask(world, ada)
    assert f"{ada.score} points" in score["answer"]
    assert sum(int(text.split(" ")[0]) for text in texts(score)) == ada.score
    stage = ask(world, ada, about="stage")
    assert "SQL" in stage["answer"]
    assert any("by the rule" in text and "pricing.viewed" in text for text in texts(stage))


def test_rule_25_reasons_are_kept_as_long_as_the_workspace_says_and_then_pruned(world: World) -> None:
    Workspace.objects.update_or_create(pk=1, defaults={"decisions_kept_days": 30})
    ada = world.submit("contact", **ADA)
    world.run()
    assert decisions.prune(now=world.now + timedelta(days=29)) == 0
    before = Decision.objects.count()
    assert decisions.prune(now=world.now + timedelta(days=31)) == before > 0
    # What became of runs and mails is on their own rows, so the question is still answered.
    assert "was sent on" in ask(world, ada, about="mail", sequence="demo-nurture", mail=1)["answer"]


def test_rule_25_decisions_name_nobody(world: World) -> None:
    """Rows hold ids, figures and rules; names are put in when they are read."""
    ada = world.submit("contact", **ADA)
    world.at(days=7)
    for row in Decision.objects.filter(lead=ada):
        assert "ada@acme.com" not in str(row.values)
        assert "Ash" not in str(row.values)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"about": "mail"}, "sequence"),
        ({"about": "mail", "sequence": "nowhere"}, "sequence"),
        ({"about": "mail", "sequence": "demo-nurture", "mail": "99"}, "mail"),
        ({"about": "weather"}, "about"),
    ],
)
def test_a_question_that_cannot_be_answered_says_what_to_mend(world: World, query: dict[str, str], field: str) -> None:
    ada = world.submit("contact", **ADA)
    answer = world.program.get(f"/api/v1/leads/{ada.pk}/why", query)
    assert answer.status_code == 400
    assert field in answer.json()["error"]["fields"]


def test_rule_27_the_plan_of_a_person_is_what_then_happens(world: World) -> None:
    """A per-person timeline shows the past and the planned."""
    ada = world.submit("contact", **ADA)
    world.run()
    planned = [each for each in future_of(run_of(ada, "demo-nurture"), now=world.now) if each.what == "mail"]
    assert [(each.at - world.now).days for each in planned] == [7, 14, 21, 28, 43, 58]
    listed = world.program.get(f"/api/v1/leads/{ada.pk}/plan").json()["planned"]
    assert [each["what"] for each in listed] == [*["mail"] * 6, "end"]
    for days in range(1, 60):
        world.at(days=days)
    sent = Message.objects.filter(lead=ada, sequence__slug="demo-nurture", state="sent").order_by("sent_at")
    assert [(mail.step_key, mail.sent_at) for mail in sent][1:] == [(each.step_key, each.at) for each in planned]


def test_rule_27_what_waits_for_its_mail_is_planned_from_that_mail_on(world: World) -> None:
    capped(world, 1)
    ada = world.submit("contact", **ADA)
    world.run()
    world.tell(ada, "docs.downloaded")
    world.at(hours=1)
    planned = future_of(run_of(ada, "api-deep-dive"), now=world.now)
    assert planned[0].why.startswith("cap:")
    assert planned[0].at == world.now + timedelta(days=7) - timedelta(hours=1)
    assert planned[1].at == planned[0].at + timedelta(days=3)


def test_rule_27_looking_ahead_takes_a_fixed_number_of_queries_and_changes_nothing(
    world: World, django_assert_max_num_queries: Any
) -> None:
    ada = world.submit("contact", **ADA)
    world.tell(ada, "docs.downloaded")
    world.run()
    before = list(Enrollment.objects.order_by("pk").values())
    with django_assert_max_num_queries(9):
        future_of(run_of(ada, "demo-nurture"), now=world.now)
    assert list(Enrollment.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("role", ["marketer", "sales", "admin"])
def test_colleagues_read_the_reasons_on_the_page(world: World, role: str, django_assert_max_num_queries: Any) -> None:
    ada = world.submit("contact", **ADA)
    world.run()
    browser = colleague(role)
    browser.get("/console/")  # the first page of an installation makes the database its own
    with django_assert_max_num_queries(45):
        page = browser.get(f"/console/leads/{ada.pk}/why", {"sequence": "demo-nurture", "mail": "2"}).content.decode()
    assert "comes on Mon 9 Mar 2026" in page
    assert "What comes next" in page
    wrong = browser.get(f"/console/leads/{ada.pk}/why", {"sequence": "demo-nurture", "mail": "77"}).content.decode()
    assert "has no mail &#x27;77&#x27;" in wrong
    assert "Ada entered Demo nurture" in browser.get(f"/admin/leads/lead/{ada.pk}/change/").content.decode()


def test_log_is_short_of_what_goes_without_saying(world: World) -> None:
    ada = world.submit("contact", **ADA)
    for day in range(9):
        world.at(days=day)
    lines = [line.text for line in why.log_of(ada)]
    assert len(lines) <= 8, lines
    call_command("check")
