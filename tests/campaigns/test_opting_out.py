"""Opt-outs: topic < all marketing < everything, by the address, and never undone by anybody but the person."""

from datetime import timedelta
from typing import Any

import pytest

from campaigns import actions
from campaigns.consent import preferences
from campaigns.consent.suppressing import lift, suppress
from campaigns.models import Enrollment, Message, Sequence, Suppression, Topic
from campaigns.running import runner
from campaigns.sending import claiming
from campaigns.sending.checks import Go, Policy, verdict
from leads import pipeline
from leads.models import Consent, Event, Lead
from tests.campaigns.sequences import enrolled, live, template
from tests.campaigns.test_checks import case
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(hours=1)
MARKETING, EVERYTHING, TOPIC = Suppression.Scope.MARKETING, Suppression.Scope.EVERYTHING, Suppression.Scope.TOPIC


@pytest.fixture
def tips() -> Topic:
    return Topic.objects.create(slug="tips", name="Tips")


@pytest.fixture
def news() -> Topic:
    return Topic.objects.create(slug="news", name="News", position=1)


@pytest.fixture
def ada() -> Lead:
    return LeadFactory.create(ada=True)


def sends(slug: str, message_class: str = "marketing", topic: str = "") -> Sequence:
    """A sequence of one mail, a pause and a second mail."""
    mail = template(slug, topic=topic, **{"class": message_class})
    steps = [{"id": "one", "send": slug}, {"id": "pause", "wait": "1d"}, {"id": "two", "send": slug}]
    return live(slug, steps=steps, templates=[mail])


def block(lead: Lead, scope: str, topic: Topic | None = None, reason: str = "unsubscribed") -> bool:
    return suppress(lead.address_hash, scope=scope, reason=reason, source="test", now=LATER, topic=topic)


def mail_states() -> dict[str, str]:
    return {m.sequence.slug: m.state for m in Message.objects.select_related("sequence")}


def run_states() -> dict[str, str]:
    return {run.sequence.slug: run.state for run in Enrollment.objects.select_related("sequence")}


@pytest.mark.parametrize(
    ("scope", "stopped", "ended"),
    [
        (TOPIC, {"tips"}, set()),
        (MARKETING, {"tips", "news"}, {"tips", "news"}),
        (EVERYTHING, {"tips", "news", "receipt"}, {"tips", "news"}),
    ],
)
def test_rule_8_what_is_ready_stops_and_marketing_runs_end_at_once(
    ada: Lead, tips: Topic, news: Topic, scope: str, stopped: set[str], ended: set[str]
) -> None:
    for sequence in (sends("tips", topic="tips"), sends("news", topic="news"), sends("receipt", "transactional")):
        enrolled(sequence, ada)
    runner.drain(now=NOON)
    assert block(ada, scope, tips if scope == TOPIC else None) is True

    states = mail_states()
    assert {slug for slug, state in states.items() if state == "ready"} == set(states) - stopped
    assert {slug for slug, state in run_states().items() if state == "ended"} == ended
    for mail in Message.objects.exclude(state="ready"):
        assert mail.settled_at == LATER
        assert "unsubscribed" in mail.reason
    assert all(run.exit_reason == "unsubscribed" for run in Enrollment.objects.filter(state="ended"))


@pytest.mark.parametrize(("scope", "slug"), [(TOPIC, "tips"), (EVERYTHING, "receipt")])
def test_a_run_that_stays_goes_on_behind_the_mail_that_was_stopped(
    ada: Lead, tips: Topic, scope: str, slug: str
) -> None:
    """Opted out of the mail's topic: the next step may be on another one, or none."""
    sequence = sends(slug, "marketing" if scope == TOPIC else "transactional", "tips" if scope == TOPIC else "")
    run = enrolled(sequence, ada)
    runner.drain(now=NOON)
    block(ada, scope, tips if scope == TOPIC else None)
    pipeline.drain(now=LATER)
    runner.drain(now=LATER)
    run.refresh_from_db()
    # An hour late is little beside the day that follows: the plan stays.
    assert (run.state, run.step_key, run.due_at) == ("active", "pause", NOON + timedelta(days=1))


def test_mail_in_flight_is_marked_for_its_sender(ada: Lead) -> None:
    enrolled(sends("tips"), ada)
    runner.drain(now=NOON)
    Message.objects.update(state="sending")
    block(ada, MARKETING)
    mail = Message.objects.get()
    assert (mail.state, mail.stop_reason) == ("sending", "suppression: unsubscribed")


def test_the_same_again_changes_nothing_and_tells_nobody(ada: Lead) -> None:
    assert block(ada, MARKETING) is True
    assert block(ada, MARKETING) is False
    assert Suppression.objects.count() == Consent.objects.count() == 1
    assert Event.objects.filter(kind="email.unsubscribed").count() == 1
    assert Consent.objects.get().granted is False


def test_the_same_again_stops_what_was_queued_in_between(ada: Lead) -> None:
    """A copy of a database, an import, a race: whatever brought the mail, the second click stops it."""
    block(ada, MARKETING)
    pipeline.drain(now=LATER)
    enrolled(sends("tips"), ada)
    runner.drain(now=LATER)
    assert mail_states() == {"tips": "ready"}
    block(ada, MARKETING)
    assert mail_states() == {"tips": "canceled"}


def test_an_address_without_a_person_is_blocked_all_the_same(ada: Lead) -> None:
    """The hash outlives the person: whoever comes back with the address is not mailed."""
    hashed = ada.address_hash
    ada.delete()
    assert suppress(hashed, scope=EVERYTHING, reason="hard bounce", source="test", now=NOON) is True
    again = LeadFactory.create(ada=True)
    enrolled(sends("receipt", "transactional"), again)
    runner.drain(now=NOON)
    claim = claiming.claim(limit=10, now=NOON)
    assert (claim.looked_at, claim.mails) == (1, [])
    assert Message.objects.get().reason == "suppression: the address bounced or complained"


@pytest.mark.parametrize(
    ("blocked", "asked", "left"),
    [
        ([MARKETING], MARKETING, set()),
        ([TOPIC], TOPIC, set()),
        ([TOPIC, MARKETING], MARKETING, {TOPIC}),
        ([TOPIC, MARKETING], TOPIC, {MARKETING}),
        ([EVERYTHING], MARKETING, {EVERYTHING}),
        ([EVERYTHING], TOPIC, {EVERYTHING}),
        ([TOPIC, MARKETING, EVERYTHING], MARKETING, {TOPIC, EVERYTHING}),
    ],
)
def test_a_lift_undoes_one_scope_and_never_a_bounce(
    ada: Lead, tips: Topic, blocked: list[str], asked: str, left: set[str]
) -> None:
    for scope in blocked:
        block(ada, scope, tips if scope == TOPIC else None)
    lifted = lift(ada, topic=tips if asked == TOPIC else None, source="test", now=LATER)
    assert set(Suppression.objects.values_list("scope", flat=True)) == left
    assert lifted is (left != set(blocked))
    assert Consent.objects.filter(granted=True).count() == int(lifted)


def test_a_lift_is_for_its_topic_alone(ada: Lead, tips: Topic, news: Topic) -> None:
    block(ada, TOPIC, tips)
    block(ada, TOPIC, news)
    assert lift(ada, topic=news, source="test", now=LATER)
    assert Suppression.objects.get().topic == tips


def test_a_wider_scope_binds_all_that_a_narrower_one_does(ada: Lead, tips: Topic) -> None:
    policy = Policy(5, 7)
    kinds: list[dict[str, Any]] = [
        {"topic_id": tips.pk},
        {"topic_id": None},
        {"is_marketing": False, "topic_id": None},
    ]
    goes = []
    for scope in (TOPIC, MARKETING, EVERYTHING):
        known = [(scope, tips.pk if scope == TOPIC else None)]
        goes.append([isinstance(verdict(case(suppressions=known, **kind), policy, NOON), Go) for kind in kinds])
    assert goes == [[False, True, True], [False, False, True], [False, False, False]]


@pytest.mark.parametrize(
    ("wanted", "left"),
    [({"tips", "news"}, []), ({"tips"}, [("topic", "news")]), (set(), [("marketing", None)])],
)
def test_preferences_keep_exactly_what_was_chosen(
    ada: Lead, tips: Topic, news: Topic, wanted: set[str], left: list[tuple[str, str | None]]
) -> None:
    for before in ({"tips", "news"}, {"news"}, set()):
        preferences.save(ada, wanted=before, now=NOON)
        preferences.save(ada, wanted=wanted, now=LATER)
        # Only the widest matters where all is off; the topics beneath may stay.
        found = set(Suppression.objects.values_list("scope", "topic__slug"))
        assert set(left) <= found
        assert {choice.slug for choice in preferences.choices(ada) if choice.is_on} == wanted


def test_an_opt_out_keeps_people_from_being_mailed_by_a_later_sequence(ada: Lead) -> None:
    block(ada, MARKETING)
    sends("tips")
    assert actions.enroll_by_api("tips", lead=ada, now=NOON).result == "enrolled"
    assert not Message.objects.exists()


def test_an_opt_out_of_a_topic_with_the_longest_name_holds(ada: Lead, news: Topic) -> None:
    longest = Topic.objects.create(slug="t" * 50, name="Long")
    preferences.save(ada, wanted={"news"}, now=LATER)
    assert Suppression.objects.get().topic == longest
