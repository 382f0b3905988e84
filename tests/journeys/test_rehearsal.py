"""Chapter "Why and rehearsal" of the rules, 26: what a draft would have done, told before it does anything."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.db.models import Model
from django.urls import reverse

from campaigns.consent import suppressing
from campaigns.editing.publishing import PublishRefused
from campaigns.exchange import import_sequence
from campaigns.models import Decision, Enrollment, Message, RehearsalRun, Sequence, SequenceVersion, WaitingEntry
from campaigns.rehearsal import Rehearsal, jobs, rehearse
from campaigns.sending.delivery import open_transport
from leads import actions
from leads.actions import record
from leads.batch import NewEvent
from leads.models import Event, Lead, Workspace
from leads.pipeline import process_at_once
from lifecycle import engine
from tests import staff
from tests.campaigns.sequences import content, live, people
from tests.factories import NOON

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
END = NOON + 30 * DAY
STEPS: list[dict[str, Any]] = [
    {"id": "hello", "send": "hello"},
    {"id": "week", "wait": "7d"},
    {"id": "again", "send": "again"},
]


def draft(slug: str = "welcome", **changes: Any) -> SequenceVersion:
    """A sequence that was never published, nor were its mails."""
    sequence = import_sequence(yaml.safe_dump(content(slug, **{"steps": STEPS, **changes})), now=NOON)
    return sequence.versions.get(state="draft")


def happens(lead: Lead, kind: str, after: timedelta, **properties: Any) -> None:
    at = NOON + after
    record([NewEvent(lead.pk, kind, properties, occurred_at=at, source="test")], now=at)
    process_at_once(lead.pk, now=at)


def rehearsed(version: SequenceVersion, **options: Any) -> Rehearsal:
    return rehearse(version, since=NOON, until=END, **options)


def rows() -> dict[str, int]:
    models: list[type[Model]] = [Enrollment, Message, Event, Decision, WaitingEntry]
    return {model.__name__: model._default_manager.count() for model in models}


def test_rule_26_a_rehearsal_runs_decide_over_past_events_with_a_virtual_clock_and_writes_nothing() -> None:
    """“A rehearsal runs `decide` over past events with a virtual clock, writes nothing, and returns entries, sends per
    day, exits by reason …”"""
    plain, books, opts_out, nobody = people(4)
    version = draft(exits=[{"goal": "meeting.booked"}])
    for lead in (plain, books, opts_out):
        happens(lead, "form.submitted", DAY)
    happens(nobody, "page.viewed", DAY)
    happens(books, "meeting.booked", 3 * DAY)
    suppressing.suppress(
        opts_out.address_hash, scope="marketing", reason="unsubscribed", source="link", now=NOON + 2 * DAY
    )
    before = rows()

    outcome = rehearsed(version).outcome

    assert rows() == before
    assert (outcome.entries, outcome.people, outcome.still_inside) == (3, 3, 0)
    day = (NOON + DAY).date()
    assert outcome.mails == {(day, "hello", ""): 3, (day + 7 * DAY, "again", ""): 1}
    assert outcome.exits == {"completed": 1, "goal: meeting.booked": 1, "unsubscribed": 1}


def test_rule_26_it_knows_people_as_they_were_then() -> None:
    """A customer of today was none in the past, and a score is what it was."""
    was_lead, was_customer = people(2)
    Lead.objects.update(stage="mql")
    version = draft(
        entry={"triggers": [{"event": "form.submitted"}], "filters": {"field": "stage", "op": "eq", "value": "mql"}}
    )
    happens(was_lead, "form.submitted", DAY)
    for lead, after in ((was_customer, DAY), (was_lead, 2 * DAY)):
        lead.refresh_from_db()
        actions.move_stage(lead, "customer", reason="Bought", now=NOON + after)
    happens(was_customer, "form.submitted", 2 * DAY)

    found = rehearsed(version)

    assert found.outcome.entries == 1
    assert sum(found.outcome.refused.values()) == 1
    assert next(iter(found.outcome.refused)).startswith("filter: needs")
    assert found.assumed_as_today == []


def test_rule_26_what_has_no_history_is_taken_as_today_and_said() -> None:
    version = draft(
        entry={
            "triggers": [{"event": "form.submitted"}],
            "filters": {"field": "company_size", "op": "gte", "value": 10},
        }
    )
    assert rehearsed(version).assumed_as_today == ["company_size"]


def test_rule_26_it_says_where_it_collides_with_live_sequences_under_the_cap() -> None:
    """“… cap collisions with live sequences …”"""
    Workspace.load()
    Workspace.objects.update(cap_messages=1, cap_days=7)
    [lead] = people(1)
    live("news", entry={"triggers": [{"event": "news.wanted"}]}, steps=[{"id": "n", "send": "news"}])
    version = draft()
    happens(lead, "news.wanted", DAY)
    _run(NOON + DAY)
    happens(lead, "form.submitted", 2 * DAY)
    happens(lead, "form.submitted", 3 * DAY)

    outcome = rehearsed(version).outcome

    assert outcome.deferred == {"cap": 1}
    assert outcome.crowded_by == {"news": 1}
    assert sorted(day for day, _, _ in outcome.mails) == [(NOON + 8 * DAY).date(), (NOON + 15 * DAY).date()]
    assert outcome.met_again == 1


def test_rule_26_it_says_whose_mails_would_have_waited_for_its_own() -> None:
    Workspace.load()
    Workspace.objects.update(cap_messages=1, cap_days=7)
    [lead] = people(1)
    live("news", entry={"triggers": [{"event": "news.wanted"}]}, steps=[{"id": "n", "send": "news"}])
    version = draft(steps=STEPS[:1])
    happens(lead, "form.submitted", DAY)
    happens(lead, "news.wanted", 2 * DAY)
    _run(NOON + 2 * DAY)

    assert rehearsed(version).outcome.crowds == {"news": 1}


def test_rule_26_it_says_whom_it_would_have_replaced_or_kept_out_of_its_group() -> None:
    weaker, later = people(2)
    live("drip", group="talk", priority=1, entry={"triggers": [{"event": "guide.read"}]}, steps=STEPS)
    version = draft(group="talk", priority=9)
    happens(weaker, "guide.read", DAY)
    happens(weaker, "form.submitted", 2 * DAY)
    happens(later, "form.submitted", DAY)
    happens(later, "guide.read", 2 * DAY)

    outcome = rehearsed(version).outcome

    assert outcome.entries == 2
    assert (outcome.would_replace, outcome.would_refuse) == ({"drip": 1}, {"drip": 1})


def test_rule_26_it_tells_the_difference_from_the_published_version() -> None:
    """“… and the difference from the published version.”"""
    both, only_draft = people(2)
    live(entry={"triggers": [{"event": "form.submitted"}]}, steps=STEPS)
    more = [{"event": "form.submitted"}, {"event": "guide.read"}]
    version = draft(entry={"triggers": more}, steps=STEPS[:1])
    happens(both, "form.submitted", DAY)
    happens(only_draft, "guide.read", DAY)

    found = rehearsed(version)

    assert found.published_version == 1
    assert found.difference is not None
    assert (found.outcome.entries, found.difference.published.entries) == (2, 1)
    assert (found.outcome.sent, found.difference.published.sent) == (2, 2)
    assert (found.difference.enter_only_draft, found.difference.other_mails, found.difference.same) == (1, 1, 0)


def test_rule_26_a_click_counts_if_the_version_would_have_sent_that_mail() -> None:
    """A real click on a mail of the published version says nothing about a draft that does not send it."""
    [lead] = people(1)
    live(steps=STEPS)
    click = {"id": "click", "wait": {"event": "email.clicked", "at_most": "2d", "then": "yes", "else": "done"}}
    last: list[dict[str, Any]] = [{"id": "yes", "send": "yes"}, {"id": "done", "end": True}]
    happens(lead, "form.submitted", DAY)
    told = {"sequence": "welcome", "step": "hello", "human": True}
    happens(lead, "email.clicked", DAY + timedelta(hours=1), **told)

    keeps = rehearsed(draft(steps=[STEPS[0], click, *last])).outcome
    renames = rehearsed(draft(steps=[{"id": "moin", "send": "hello"}, click, *last])).outcome

    assert (keeps.sent, keeps.answers_left_out) == (2, 0)
    assert (renames.sent, renames.answers_left_out) == (1, 1)


def test_rule_26_a_date_that_came_starts_a_run_although_nobody_waited_for_it_then() -> None:
    soon, far, _nobody = people(3)
    Lead.objects.filter(pk=soon.pk).update(attributes={"renewal_date": "2026-03-20"})
    Lead.objects.filter(pk=far.pk).update(attributes={"renewal_date": "2027-03-20"})
    version = draft(entry={"triggers": [{"date": "attributes.renewal_date", "offset": "-10d"}]})

    found = rehearsed(version)

    assert found.outcome.per_day() == {(NOON + 8 * DAY).date(): 1, (NOON + 15 * DAY).date(): 1}
    assert found.assumed_as_today == ["attributes.renewal_date"]


def test_rule_26_a_draft_that_cannot_run_is_refused_with_the_places() -> None:
    version = draft(steps=[{"id": "pause", "wait": "1d"}])
    version.steps.update(duration=None)
    with pytest.raises(PublishRefused, match=r"steps\.pause\.wait"):
        rehearsed(version)


# --- from the shell


def told(*arguments: str) -> str:
    out = StringIO()
    call_command("rehearse", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_reports_in_text_and_json(time_machine: Any) -> None:
    time_machine.move_to(END)
    [lead] = people(1)
    draft()
    happens(lead, "form.submitted", DAY)

    text = told("welcome", "--days", "30")
    data = json.loads(told("welcome", "--days", "30", "--draft", "--json"))

    assert "1  entries" in text
    assert "2026-03-03        1  ████" in text
    assert data["outcome"]["exits"] == {"completed": 1}
    assert [moment[1] for moment in data["samples"][0]["moments"]][:2] == ["Enters", "hello is sent"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["nowhere"], "there is no sequence nowhere; there are: welcome"),
        (["welcome", "--draft"], "welcome has no draft"),
        (["welcome", "--version", "7"], "welcome has no version 7; it has 1"),
        (["welcome", "--days", "0"], "--days: 0 is not between 1 and 3650"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: list[str], problem: str) -> None:
    people(1)
    live()
    with pytest.raises(CommandError, match=problem):
        told(*arguments)


def test_nobody_would_have_entered_is_said_with_its_reason() -> None:
    people(1)
    live()
    assert "Nobody would have entered: no form.submitted from" in told("welcome")


# --- in the admin


def test_a_rehearsal_is_asked_for_once_answered_by_the_engine_and_shown(client: Any, time_machine: Any) -> None:
    time_machine.move_to(END)
    client.force_login(staff.of(staff.colleague("marketer")))
    [lead] = people(1)
    version = draft()
    happens(lead, "form.submitted", DAY)
    place = reverse("admin:campaigns_sequenceversion_rehearse", args=[version.pk])
    for _ in range(2):
        answer = client.post(place, {"_form_submitted": "on", "days": "30"})
    run = RehearsalRun.objects.get()
    page = answer.headers["HX-Redirect"]

    waiting = client.get(page)
    assert waiting.headers["Refresh"] == "2"
    assert b"Waiting for a worker" in waiting.content
    _run(END)
    run.refresh_from_db()
    done = client.get(page)

    assert (run.state, run.progress, run.error) == ("done", 100, "")
    assert run.result is not None
    assert run.result["outcome"]["entries"] == 1
    assert "Refresh" not in done.headers
    assert b'class="ours"' in done.content
    assert lead.email.encode() in done.content


def test_an_empty_rehearsal_says_why(client: Any) -> None:
    client.force_login(staff.of(staff.colleague("marketer")))
    people(1)
    run = jobs.ask(draft(), days=30, now=END)
    jobs.run_due(now=END)
    page = client.get(reverse("admin:campaigns_rehearsalrun_change", args=[run.pk]))
    assert b"Nobody would have entered: no form.submitted from" in page.content


def test_a_draft_that_breaks_after_it_was_asked_for_fails_with_its_place() -> None:
    people(1)
    version = draft(steps=[{"id": "pause", "wait": "1d"}])
    run = jobs.ask(version, days=30, now=END)
    version.steps.update(duration=None)
    assert jobs.run_due(now=END) == 1
    run.refresh_from_db()
    assert run.state == "failed"
    assert "steps.pause.wait" in run.error


def test_a_rehearsal_whose_worker_died_is_taken_up_again_and_given_up_in_the_end() -> None:
    people(1)
    run = jobs.ask(draft(), days=30, now=END)
    RehearsalRun.objects.update(state="running", attempts=1, lease_until=NOON)
    assert jobs.run_due(now=END) == 1
    run.refresh_from_db()
    assert (run.state, run.attempts) == ("done", 2)

    RehearsalRun.objects.update(state="running", attempts=3, lease_until=NOON, result=None)
    jobs.run_due(now=END)
    run.refresh_from_db()
    assert (run.state, run.error) == ("failed", "gave up: 3 workers ended while they rehearsed it")


def test_sales_may_read_rehearsals_and_ask_for_none(client: Any) -> None:
    client.force_login(staff.of(staff.colleague("sales")))
    run = jobs.ask(draft(), days=30, now=END)
    assert client.get(reverse("admin:campaigns_rehearsalrun_change", args=[run.pk])).status_code == 200
    place = reverse("admin:campaigns_sequence_rehearse", args=[Sequence.objects.get().pk])
    assert client.post(place, {"_form_submitted": "on", "days": "30"}).status_code in (302, 403)
    assert RehearsalRun.objects.count() == 1


def _run(now: Any) -> None:
    transport = open_transport()
    engine.run(transport, now=now)
    transport.close()
