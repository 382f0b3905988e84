"""Chapter “Exit” of journeys.md: rules 6 to 8, each test named after its rule."""

from typing import Any

import pytest
from pytest_django import Settings

from campaigns import launching
from campaigns.consent import suppressing
from campaigns.models import BackfillEntry, Enrollment, Message, WaitingEntry
from leads.batch import NewEvent
from leads.log import write
from leads.models import Event, Lead, PendingEvent
from leads.pipeline import drain, process_pending
from tests.campaigns.sequences import count_queries, live, people
from tests.factories import NOON, CompanyFactory, LeadFactory
from tests.journeys.happening import (
    DAY,
    HOUR,
    MINUTE,
    SLOW,
    ends,
    entry,
    go_on,
    happen,
    mails,
    runs,
    send,
    tell,
)
from tests.smtp_server import SmtpServer

pytestmark = pytest.mark.django_db

BOOKED = [{"goal": "meeting.booked"}]


@pytest.fixture
def ada() -> Lead:
    return LeadFactory.create(ada=True, company=CompanyFactory.create(domain="acme.com"))


@pytest.fixture
def ben(ada: Lead) -> Lead:
    """A colleague of Ada's."""
    return LeadFactory.create(email="ben@acme.com", company=ada.company)


@pytest.fixture
def outbox(settings: Settings, smtp_server: SmtpServer) -> SmtpServer:
    settings.MAIL = smtp_server.settings
    return smtp_server


# --- rule 6


def test_rule_06_a_goal_ends_the_run_and_cancels_its_ready_mail_when_it_happens(ada: Lead) -> None:
    """At once when the event is processed (cancelling waits and ready messages in the same transaction)."""
    live(entry=entry(), exits=BOOKED)
    happen(ada, "purchase.completed")
    go_on(at=NOON)
    assert mails(ada) == [("hello", "ready", "")]
    happen(ada, "meeting.booked", at=NOON + HOUR)
    assert ends() == [("", "ended", "goal: meeting.booked")]
    assert mails(ada) == [("hello", "canceled", "goal: meeting.booked")]
    assert Enrollment.objects.get().due_at is None


def test_rule_06_and_again_inside_the_send(ada: Lead, outbox: SmtpServer) -> None:
    """And again inside the send transaction: here for a goal that nothing reacted to."""
    live(entry=entry(key="order", second_trigger="parallel"), exits=[{"goal": "order.returned", "match": "key"}])
    for order in ("1", "2"):
        happen(ada, "purchase.completed", order=order)
    go_on(at=NOON)
    returned = NewEvent(ada.pk, "order.returned", {"order": 2}, occurred_at=NOON + MINUTE)
    write([returned], now=NOON + MINUTE, pending=False)
    send(at=NOON + HOUR)
    assert sorted(mails(ada)) == [("hello", "canceled", "exit: goal: order.returned"), ("hello", "sent", "")]
    assert ends()[1] == ("2", "ended", "goal: order.returned")
    assert runs()[1].exit_event_id == Event.objects.get(kind="order.returned").pk


def test_rule_06_nobody_is_mailed_before_their_last_event_was_looked_at(ada: Lead, outbox: SmtpServer) -> None:
    live(entry=entry(), exits=BOOKED)
    happen(ada, "purchase.completed")
    go_on(at=NOON)
    tell(ada, "meeting.booked", at=NOON + MINUTE)
    send(at=NOON + HOUR)
    assert mails(ada) == [("hello", "ready", "")]
    assert outbox.mails == []


@pytest.mark.parametrize(("minutes", "count"), [(-1, 1), (0, 1), (1, 0)])
def test_rule_06_goals_count_since_the_enrolment(minutes: int, count: int, ada: Lead) -> None:
    """Test is "since enrolment", never "within N of now". What came after the trigger counts though it was known
    first: nobody enters just to leave."""
    live(entry=entry(), exits=BOOKED, steps=SLOW)
    happen(ada, "meeting.booked", at=NOON + minutes * MINUTE)
    tell(ada, "purchase.completed")
    drain(now=NOON + HOUR)
    happen(ada, "page.viewed", at=NOON + 90 * DAY)
    assert ends() == [("", "active", "")] * count


# --- rule 7


def test_rule_07_a_goal_may_have_to_be_about_the_key(ada: Lead) -> None:
    """An exit may match the key …: a number and the same number as text are one order."""
    exits = [{"goal": "order.returned", "match": "key"}]
    live(entry=entry(key="order", second_trigger="parallel"), exits=exits, steps=SLOW)
    for order in (17, "18"):
        happen(ada, "purchase.completed", order=order)
    happen(ada, "order.returned", at=NOON + MINUTE, order="17")
    assert ends() == [("17", "ended", "goal: order.returned"), ("18", "active", "")]
    happen(ada, "order.returned", at=NOON + MINUTE)
    happen(ada, "order.returned", at=NOON + MINUTE, order=19)
    assert ends()[1] == ("18", "active", "")


def test_rule_07_or_about_a_property_that_the_run_began_with(ada: Lead) -> None:
    """… or a property (booked *this* demo)."""
    exits = [{"goal": "meeting.booked", "match": {"property": "demo"}, "reason": "booked this demo"}]
    live(entry=entry({"event": "demo.viewed"}, second_trigger="parallel"), exits=exits, steps=SLOW)
    for demo in ("basics", "pro"):
        happen(ada, "demo.viewed", demo=demo)
    happen(ada, "meeting.booked", at=NOON + MINUTE, demo="pro")
    assert [(run.context["event"]["demo"], run.exit_reason) for run in runs()] == [
        ("basics", ""),
        ("pro", "booked this demo"),
    ]


def test_rule_07_a_run_about_nothing_in_particular_takes_every_goal_for_its_own(ada: Lead) -> None:
    exits = [{"goal": "meeting.booked", "match": {"property": "demo"}}]
    live(entry=entry({"event": "demo.viewed"}), exits=exits, steps=SLOW)
    happen(ada, "demo.viewed")
    happen(ada, "meeting.booked", at=NOON + MINUTE, demo="pro")
    assert ends() == [("", "ended", "goal: meeting.booked")]


def test_rule_07_nobody_enters_for_what_they_did_already_but_for_something_else_they_do(ada: Lead) -> None:
    live(
        entry=entry(key="order", second_trigger="parallel"),
        exits=[{"goal": "order.returned", "match": "key"}],
        steps=SLOW,
    )
    tell(ada, "order.returned", at=NOON + MINUTE, order="1")
    for order in ("1", "2"):
        tell(ada, "purchase.completed", order=order)
    drain(now=NOON + HOUR)
    assert ends() == [("2", "active", "")]


COMPANY = [{"goal": "meeting.booked", "company": True}]


def test_rule_07_a_colleagues_goal_ends_the_runs_of_the_whole_company(ada: Lead, ben: Lead) -> None:
    """A colleague's goal may exit the whole company, where the sequence says so."""
    sequence = live(entry=entry(), exits=COMPANY)
    alone = live("alone", entry=entry(), exits=BOOKED, steps=SLOW)
    other = LeadFactory.create(company=CompanyFactory.create(domain="ode.example"))
    for lead in (ada, ben, other):
        happen(lead, "purchase.completed")
    go_on(at=NOON)
    happen(ada, "meeting.booked", at=NOON + HOUR)
    assert [(run.lead_id, run.exit_reason) for run in runs(sequence)] == [
        (ada.pk, "goal: meeting.booked"),
        (ben.pk, "goal: meeting.booked by a colleague"),
        (other.pk, ""),
    ]
    assert mails(ben) == [("hello", "canceled", "goal: meeting.booked by a colleague")]
    assert [run.exit_reason for run in runs(alone)] == ["goal: meeting.booked", "", ""]
    told = Event.objects.get(kind="colleague.acted")
    assert runs(sequence, ben)[0].exit_event_id == told.pk
    assert (told.lead_id, told.occurred_at, told.properties["lead"]) == (ben.pk, NOON + HOUR, ada.pk)


def test_rule_07_a_colleague_is_not_mailed_between_the_goal_and_their_own_exit(
    ada: Lead, ben: Lead, outbox: SmtpServer
) -> None:
    """The word for them is recorded with the goal, and claims pass over people with unprocessed events."""
    live(entry=entry(), exits=COMPANY)
    happen(ben, "purchase.completed")
    go_on(at=NOON)
    tell(ada, "meeting.booked", at=NOON + HOUR)
    process_pending(lead_ids=[ada.pk], now=NOON + HOUR)
    assert [row.lead_id for row in PendingEvent.objects.all()] == [ben.pk]
    send(at=NOON + HOUR)
    assert outbox.mails == []
    drain(now=NOON + HOUR)
    send(at=NOON + HOUR)
    assert ends() == [("", "ended", "goal: meeting.booked by a colleague")]
    assert outbox.mails == []


def test_rule_07_a_colleagues_goal_counts_since_the_enrolment_too(ada: Lead, ben: Lead) -> None:
    live(entry=entry(), exits=COMPANY, steps=SLOW)
    happen(ada, "meeting.booked", at=NOON - HOUR)
    happen(ben, "purchase.completed")
    happen(ada, "page.viewed", at=NOON + HOUR)
    assert ends() == [("", "active", "")]


def test_rule_07_of_a_colleague_only_that_is_copied_which_the_exit_asks_for(ada: Lead, ben: Lead) -> None:
    """Tests of properties and matches hold for colleagues as well; the rest of what they did is theirs."""
    where = [{"property": "about", "op": "eq", "value": "demo"}]
    exits = [{"goal": "meeting.booked", "where": where, "match": {"property": "product"}, "company": True}]
    live(entry=entry(second_trigger="parallel"), exits=exits, steps=SLOW)
    for product in ("a", "b"):
        happen(ben, "purchase.completed", product=product)
    booked = {"name": "Ada Ash", "product": "a"}
    happen(ada, "meeting.booked", at=NOON + MINUTE, about="support", **booked)
    assert [run.state for run in runs()] == ["active", "active"]
    happen(ada, "meeting.booked", at=NOON + MINUTE, about="demo", **booked)
    assert [run.state for run in runs()] == ["ended", "active"]
    told = Event.objects.filter(kind="colleague.acted").latest("pk")
    assert told.properties["properties"] == {"about": "demo", "product": "a"}


def test_rule_07_the_word_is_told_once_and_from_one_to_the_other_only(ada: Lead, ben: Lead) -> None:
    live(entry=entry(), exits=COMPANY, steps=SLOW)
    for lead in (ada, ben):
        happen(lead, "purchase.completed")
    for lead in (ada, ben):
        tell(lead, "meeting.booked", at=NOON + MINUTE)
    drain(now=NOON + HOUR)
    assert {run.exit_reason for run in runs()} == {"goal: meeting.booked"}
    assert Event.objects.filter(kind="colleague.acted").count() <= 2


def test_rule_07_people_in_flight_on_an_older_version_are_told_too(ada: Lead, ben: Lead) -> None:
    live(entry=entry(), exits=COMPANY, steps=SLOW)
    happen(ben, "purchase.completed")
    live(entry=entry(), steps=SLOW)
    happen(ada, "meeting.booked", at=NOON + HOUR)
    assert ends() == [("", "ended", "goal: meeting.booked by a colleague")]


def test_rule_07_telling_300_colleagues_costs_as_many_queries_as_telling_one() -> None:
    live(entry=entry(), exits=COMPANY, steps=SLOW)
    counts = []
    for size in (1, 300):
        company = CompanyFactory.create()
        crowd = people(size + 1)
        Lead.objects.filter(pk__in=[lead.pk for lead in crowd]).update(company=company)
        for lead in crowd[1:]:
            tell(lead, "purchase.completed")
        drain(now=NOON)
        tell(crowd[0], "meeting.booked", at=NOON + MINUTE)
        with count_queries() as counted:
            process_pending(lead_ids=[crowd[0].pk], now=NOON + MINUTE)
        with count_queries() as passed:
            process_pending(now=NOON + MINUTE)
        counts.append((len(counted), len(passed)))
    assert counts[0] == counts[1], counts
    assert Enrollment.objects.filter(exit_reason="goal: meeting.booked by a colleague").count() == 301


def test_rule_07_where_no_exit_asks_nobody_is_looked_for(ada: Lead, ben: Lead) -> None:
    live(entry=entry(), exits=BOOKED, steps=SLOW)
    happen(ben, "purchase.completed")
    tell(ada, "meeting.booked", at=NOON + MINUTE)
    with count_queries() as counted:
        drain(now=NOON + MINUTE)
    assert not any("company_id = ANY" in query["sql"] for query in counted.captured_queries)
    assert ends() == [("", "active", "")]


# --- rule 8


def test_rule_08_reason_event_and_time_are_stored(ada: Lead) -> None:
    """Exit reason, event and time are stored."""
    live(entry=entry(), exits=BOOKED, steps=SLOW)
    happen(ada, "purchase.completed")
    happen(ada, "meeting.booked", at=NOON + HOUR)
    (run,) = runs()
    assert (run.exit_reason, run.ended_at) == ("goal: meeting.booked", NOON + HOUR)
    assert Event.objects.get(pk=run.exit_event_id).kind == "meeting.booked"


@pytest.mark.parametrize(
    ("scope", "reason"), [("marketing", "unsubscribed"), ("everything", "bounced"), ("everything", "complained")]
)
def test_rule_08_an_opt_out_a_bounce_or_a_complaint_leaves_nothing_scheduled(
    scope: str, reason: str, ada: Lead, ben: Lead
) -> None:
    """Opt-out, hard bounce and complaint end marketing enrolments at once; nothing stays scheduled."""
    everything_scheduled(ada)
    everything_scheduled(ben)
    suppressing.suppress(ada.address_hash, scope=scope, reason=reason, source="test", now=NOON + HOUR)
    assert scheduled(ada) == {"runs": 0, "mails": 0, "waiting": 0, "backfills": 0}
    assert scheduled(ben) == {"runs": 2, "mails": 3, "waiting": 1, "backfills": 1}
    assert {run.exit_reason for run in runs(lead=ada)} == {reason}
    assert BackfillEntry.objects.get(lead=ada).reason == f"consent: {reason}"
    drain(now=NOON + HOUR)
    launching.drain(now=NOON + 9 * DAY)
    go_on(at=NOON + 9 * DAY)
    assert scheduled(ada)["mails"] == 0


def everything_scheduled(lead: Lead) -> None:
    """Runs that wait or have a mail ready, a trigger before its filters, a launch, and a mail outside any run."""
    some: dict[str, Any] = {"filters": {"field": "country", "op": "eq", "value": "DE"}}
    live("ready", entry=entry())
    live("slow", entry=entry(), steps=SLOW)
    live("picky", entry=entry(**some))
    launched = live("launched", entry=entry({"event": "page.viewed"}))
    happen(lead, "purchase.completed")
    go_on(at=NOON)
    outside = Message.objects.filter(lead=lead).first()
    assert outside is not None
    for number in range(2):
        outside.pk, outside.key, outside.enrollment, outside.is_held = (
            None,
            f"news:{lead.pk}:{number}",
            None,
            number == 1,
        )
        outside._state.adding = True
        outside.save()
    backfill = launched.backfills.create(mode="all", created_at=NOON)
    backfill.entries.create(lead=lead, since=NOON, due_at=NOON + 2 * DAY)


def scheduled(lead: Lead) -> dict[str, int]:
    return {
        "runs": Enrollment.objects.filter(lead=lead, state="active").count(),
        "mails": Message.objects.filter(lead=lead, state="ready").count(),
        "waiting": WaitingEntry.objects.filter(lead=lead).count(),
        "backfills": BackfillEntry.objects.filter(lead=lead, state="waiting").count(),
    }


def test_rule_08_a_stop_by_time_alone_is_dated_too(ada: Lead) -> None:
    """A rule that came true by waiting ends the run with the next look at it."""
    exits = [{"when": {"field": "created_at", "op": "older_than", "value": "12h"}, "reason": "old"}]
    live(entry=entry(), exits=exits, steps=SLOW)
    happen(ada, "purchase.completed")
    go_on(at=NOON + DAY)
    (run,) = runs()
    assert (run.exit_reason, run.ended_at, run.exit_event_id) == ("old", NOON + DAY, None)
    assert mails(ada) == []
