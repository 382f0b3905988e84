"""Chapter “Sending” of journeys.md: rules 12 to 16, each test named after its rule."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.consent import suppressing
from campaigns.engine.windows import Window
from campaigns.models import EmailTemplate, Message, SenderAccount
from campaigns.running import runner
from campaigns.sending import claiming, outbox, rates
from campaigns.sending.checks import MOST_ATTEMPTS, Case, Defer, Drop, Policy, Rate, verdict
from campaigns.sending.delivery import open_transport
from campaigns.sending.delivery.contract import account_name
from campaigns.sending.outbox import Draft
from leads.models import Lead, Workspace
from tests.campaigns.sequences import count_queries, live, template
from tests.campaigns.test_outbox import Between
from tests.cast import ADA, World, letters, messages, run_of
from tests.factories import NOON, LeadFactory
from tests.smtp_server import SmtpServer

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def mail(lead: Lead, number: int = 1, *, due: datetime = NOON, **changes: Any) -> Message:
    """A due marketing mail outside any sequence, one of five."""
    [made] = letters([lead], f"demo-nurture-{number}")
    Message.objects.filter(pk=made.pk).update(due_at=due, **changes)
    return made


def crowd(count: int) -> list[Message]:
    """A mail for each of so many people, due since just before NOON, the first the longest."""
    return letters(LeadFactory.create_batch(count))


def cap(messages: int, days: int = 7) -> None:
    Workspace.load()
    Workspace.objects.update(cap_messages=messages, cap_days=days)


def receipts() -> int:
    """The id of a transactional mail."""
    paper = template("receipt", **{"class": "transactional"})
    live("receipt", steps=[{"id": "hello", "send": "receipt"}], templates=[paper])
    return EmailTemplate.objects.get(slug="receipt").pk


def limit(per_second: float, burst: int = 1) -> SenderAccount:
    return SenderAccount.objects.create(name=account_name(), per_second=per_second, burst=burst)


def account() -> SenderAccount:
    return SenderAccount.objects.get(name=account_name())


def state(made: Message) -> tuple[str, str]:
    made.refresh_from_db()
    return made.state, made.reason.partition(":")[0]


def states(made: Sequence[Message]) -> list[tuple[str, str]]:
    return [state(each) for each in made]


# --- rule 12: the order of the checks, and their stored results

AGAINST: list[tuple[str, dict[str, Any]]] = [
    ("enrollment", {"run_is_over": True}),
    ("exit", {"exit_reason": "goal: meeting.booked"}),
    ("suppression", {"suppressions": [("marketing", None)]}),
    ("late", {"expires_at": NOON - DAY}),
    ("attempts", {"attempts": MOST_ATTEMPTS}),
    ("window", {"window": Window(time(1), time(2))}),
    ("cap", {"marketing_times": [NOON] * 5}),
    ("rate", {"rate": Rate("mail.example.com", 10, NOON + MINUTE)}),
]


def a_case(**changes: Any) -> Case:
    base: dict[str, Any] = {"is_marketing": True, "topic_id": 4, "expires_at": None, "attempts": 0}
    return Case(**{**base, "run_is_over": False, "exit_reason": "", **changes})


@pytest.mark.parametrize(("first", "second"), list(combinations(AGAINST, 2)), ids=lambda pair: pair[0])
def test_rule_12_of_two_checks_that_object_the_earlier_is_named(first, second) -> None:
    """Checks at send, in this order: enrolment active → exit/goal → suppression and topic consent → step still valid
    (lateness) → window → cap → claim."""
    (name, against), (_, more) = first, second
    found = verdict(a_case(**{**more, **against}), Policy(5, 7), NOON)
    assert isinstance(found, Drop | Defer)
    assert found.reason.startswith(f"{name}: ")


def test_rule_12_each_result_is_stored_with_its_reason_and_what_the_checks_saw(world: World) -> None:
    """The result is one of sent · deferred(until, why) · skipped(why) · exited(why), always stored."""
    cap(1)
    ann, bob, cleo = LeadFactory.create_batch(3)
    sent, deferred = mail(ann), mail(ann, 2)
    skipped = mail(bob, expires_at=NOON - HOUR)
    suppressing.suppress(cleo.address_hash, scope="marketing", reason="unsubscribed", source="test", now=NOON)
    exited = mail(cleo)
    world.run()
    assert states([sent, deferred, skipped, exited]) == [
        ("sent", ""),
        ("ready", "cap"),
        ("expired", "late"),
        ("suppressed", "suppression"),
    ]
    assert deferred.due_at == NOON + 7 * DAY
    assert sent.checks == {"cap": {"count": 0, "cap": 1, "days": 7}}
    assert deferred.checks["cap"]["count"] == 1
    assert deferred.checks["cap"]["said"] == "later"
    assert skipped.checks["late"]["said"] == "never"
    assert exited.checks == {"suppression": {"scopes": ["marketing"], "said": "never"}}


def test_rule_12_a_goal_that_was_reached_ends_the_run_and_is_stored(world: World) -> None:
    """Goal and exit rules are looked at again inside the send transaction."""
    ada = world.submit("contact", **ADA)
    runner.drain(now=world.now)
    Lead.objects.filter(pk=ada.pk).update(stage="customer")
    outbox.send(open_transport(), now=world.now)
    assert messages(ada) == [("mail-1", "canceled", "exit: customer")]
    assert run_of(ada, "demo-nurture").exit_reason == "customer"


# --- rule 13: the class


def test_rule_13_transactional_mail_skips_caps_and_opt_outs_but_never_bounces_or_complaints(world: World) -> None:
    """Transactional messages skip caps, windows and marketing opt-out; never hard bounces or complaints. The class
    sits on the template."""
    cap(1)
    receipt = receipts()
    ann, bob = LeadFactory.create_batch(2)
    mail(ann)
    outbox.queue([Draft(f"receipt:{lead.pk}", lead.pk, receipt) for lead in (ann, bob)], now=NOON)
    suppressing.suppress(ann.address_hash, scope="marketing", reason="unsubscribed", source="test", now=NOON)
    suppressing.suppress(bob.address_hash, scope="everything", reason="hard bounce", source="test", now=NOON)
    world.run()
    to_ann, to_bob = (Message.objects.get(key=f"receipt:{lead.pk}") for lead in (ann, bob))
    assert state(to_ann) == ("sent", "")
    assert state(to_bob) == ("suppressed", "suppression")


# --- rule 14: the cap


def test_rule_14_the_cap_rolls_over_everything_a_person_gets(world: World) -> None:
    """Caps: rolling N per D days, marketing only, per person across all sequences and broadcasts; losers are deferred
    to the earliest free slot."""
    cap(2)
    ada = world.submit("contact", **ADA)
    world.run()  # the nurture's first mail
    world.set_clock(NOON + DAY)
    second, third, fourth = (mail(ada, number, due=NOON + DAY) for number in (2, 3, 4))
    world.run()
    assert states([second, third, fourth]) == [("sent", ""), ("ready", "cap"), ("ready", "cap")]
    assert third.due_at == NOON + 7 * DAY
    assert fourth.due_at == NOON + 8 * DAY, "the earliest slot is promised, the next is a day later"


def test_rule_14_priority_decides_and_ties_go_by_the_oldest_due(world: World) -> None:
    """Priority decides, ties by oldest due."""
    cap(1)
    ann, bob = LeadFactory.create_batch(2)
    low, high = mail(ann, due=NOON - DAY), mail(ann, 2, priority=40)
    newer, older = mail(bob, due=NOON - HOUR), mail(bob, 2, due=NOON - DAY)
    world.run()
    assert [each[0] for each in states([low, high, newer, older])] == ["ready", "sent", "ready", "sent"]


def test_rule_14_a_stronger_mail_beyond_the_batch_gets_the_slot(world: World) -> None:
    """Priority decides, also against a mail of the person that this claim would not have looked at."""
    cap(1)
    ann = LeadFactory.create()
    low, high = mail(ann, due=NOON - DAY), mail(ann, 2, priority=40)
    counts = outbox.send(open_transport(), now=NOON, limit=1)
    assert (counts.sent, counts.deferred) == (1, 1)
    assert [each[0] for each in states([low, high])] == ["ready", "sent"]


def test_rule_14_of_two_that_wait_for_one_slot_one_goes(world: World) -> None:
    """Two deferred to the same slot do not both go, whatever their order."""
    cap(1)
    ann = LeadFactory.create()
    mail(ann)
    world.run()
    second, third = mail(ann, 2), mail(ann, 3)
    for each in (second, third):  # looked at one by one, so both are told the same slot
        Message.objects.filter(pk=each.pk).update(due_at=NOON)
        outbox.send(open_transport(), now=NOON, limit=1)
    assert {second.due_at for second in Message.objects.filter(state="ready")} == {NOON + 7 * DAY}
    world.at(days=7)
    assert [each[0] for each in states([second, third])] == ["sent", "ready"]
    world.at(days=14)
    assert state(third) == ("sent", "")


def test_rule_14_a_loser_expires_by_its_late_policy(world: World) -> None:
    """Losers are deferred to the earliest free slot, then expire by their late policy."""
    cap(1)
    ann = LeadFactory.create()
    mail(ann)
    loser = mail(ann, 2, expires_at=NOON + DAY)
    world.run()
    assert state(loser) == ("ready", "cap")
    assert NOON + DAY < loser.due_at < NOON + DAY + MINUTE, "nobody waits for a slot that comes too late"
    world.at(days=1, minutes=1)
    assert state(loser) == ("expired", "late")


# --- rules 15 and 16: how fast


buckets = st.builds(
    rates.Bucket,
    per_second=st.floats(0.01, 50),
    burst=st.integers(1, 50),
    tokens=st.just(0.0),
    refilled_at=st.none(),
    booked_until=st.none(),
)
ticks = st.lists(st.tuples(st.floats(-60, 600), st.integers(0, 30)), max_size=40)


@settings(max_examples=200, deadline=None)
@given(buckets, ticks)
def test_rule_16_never_more_than_the_burst_and_the_rate_whatever_the_clock_does(bucket: rates.Bucket, ticks) -> None:
    """Token bucket: also with a clock that goes back a little, tokens are never negative and never made twice."""
    now = latest = NOON
    taken = 0
    for seconds, wanted in ticks:
        now += timedelta(seconds=seconds)
        bucket = bucket.at(max(now, latest - rates.SKEW))
        assert 0 <= bucket.tokens <= bucket.burst
        granted = min(wanted, int(bucket.tokens))
        taken += granted
        bucket = rates.replace(bucket, tokens=bucket.tokens - granted)
        latest = max(latest, now)
        span = (latest - NOON).total_seconds() + 60
        assert taken <= bucket.burst + span * bucket.per_second + 1e-6


def test_rule_16_a_clock_that_was_set_back_counts_anew_from_there() -> None:
    """A sandbox's clock may have been a year ahead: the account is not stuck until then."""
    ahead = rates.Bucket(1, 10, 0, NOON + 365 * DAY, NOON + 365 * DAY).at(NOON)
    assert (ahead.tokens, ahead.refilled_at, ahead.booked_until) == (0, NOON, NOON)
    assert ahead.at(NOON + 5 * SECOND).tokens == 5


def test_rule_16_the_limit_is_the_accounts_and_the_others_get_their_turn_in_order(world: World) -> None:
    """Rate limits are per sender account, in the database (token bucket), not per worker."""
    limit(per_second=1, burst=3)
    made = crowd(8)
    counts = world.run()
    assert (counts["sent"], counts["deferred"]) == (3, 5)
    assert states(made) == [("sent", "")] * 3 + [("ready", "rate")] * 5
    assert [each.due_at for each in made[3:]] == [NOON + second * SECOND for second in (1, 2, 3, 4, 5)]
    assert made[3].reason == "rate: 127.0.0.1 takes 1 a second; next slot 2026-03-02 12:00 UTC"
    assert made[3].checks["rate"]["said"] == "later"
    with count_queries() as counted:
        assert outbox.send(open_transport(), now=NOON + SECOND / 2).claimed == 0
    assert len([each for each in counted.captured_queries if "SELECT" in each["sql"]]) <= 2, "not looked at before"
    world.set_clock(NOON + 2 * SECOND)
    assert world.run()["sent"] == 2


def test_rule_16_two_workers_share_one_bucket(world: World) -> None:
    """Not per worker: what one took, the other has not."""
    limit(per_second=0.01, burst=3)
    crowd(6)
    sent = [outbox.send(open_transport(), now=NOON, limit=2).sent for _ in range(3)]
    assert sent == [2, 1, 0]


def test_rule_16_what_people_wait_for_goes_first_and_does_not_queue_behind_a_backlog(world: World) -> None:
    """In the order of class, priority and due date: a confirmation passes a broadcast that takes an hour."""
    receipt = receipts()
    limit(per_second=1, burst=1)
    crowd(12)
    transport = open_transport()
    for _ in range(5):
        outbox.send(transport, now=NOON, limit=4)
    assert Message.objects.filter(state="ready", due_at__gt=NOON).count() == 11
    assert Message.objects.latest("due_at").due_at == NOON + 11 * SECOND
    outbox.queue([Draft("receipt", LeadFactory.create().pk, receipt)], now=NOON)
    world.set_clock(NOON + SECOND)
    world.run()
    assert Message.objects.get(key="receipt").state == "sent"


def test_rule_16_tokens_that_were_not_needed_are_given_back(world: World) -> None:
    """Unused ones are returned: mails that other checks stop cost no token."""
    limit(per_second=0.001, burst=5)
    cap(1)
    ann = LeadFactory.create()
    mail(ann), mail(ann, 2), mail(ann, 3)
    world.run()
    assert int(account().tokens) == 4


def test_rule_16_an_account_without_a_limit_costs_one_look_and_no_write(world: World) -> None:
    """Without a limit there is no extra write; the row is made with the first mail."""
    crowd(2)
    world.run()
    assert account().per_second is None
    crowd(3)
    with count_queries() as counted:
        turns = rates.take(500, now=NOON)
        assert turns is not None
        rates.give_back(turns)
    assert len(counted) == 1


def test_rule_16_a_claim_asks_as_often_for_many_as_for_few(world: World) -> None:
    """A claim costs a fixed number of queries, also under a limit."""
    limit(per_second=1000, burst=1000)
    outbox.send(open_transport(), now=NOON)
    found = []
    for count in (2, 60):
        crowd(count)
        with count_queries() as counted:
            claiming.claim(limit=500, now=NOON, turns=rates.take(500, now=NOON))
        found.append(len(counted))
    assert found[0] == found[1]


def test_rule_16_a_providers_retry_after_holds_every_worker_and_costs_no_attempt(
    world: World, smtp_server: SmtpServer
) -> None:
    """429 and Retry-After are honoured and cost no attempt."""
    made = crowd(4)
    first = Lead.objects.get(pk=made[0].lead_id)
    smtp_server.script(first.email, rcpt="450 4.7.1 rate limit exceeded, try again in 5 minutes", times=1)
    counts = outbox.send(Between(9, lambda: None), now=NOON)
    assert (counts.retried, counts.given_back) == (1, 3)
    assert smtp_server.mails == [], "the rest of the batch was not tried"
    assert set(Message.objects.values_list("state", "attempts")) == {("ready", 0)}
    held = account()
    assert held.blocked_until == NOON + 5 * MINUTE
    assert "rate limit exceeded" in held.blocked_reason

    assert world.at(minutes=4)["sent"] == 0
    assert world.at(minutes=5)["sent"] == 4


def test_rule_16_greylisting_of_one_address_holds_nobody_else(world: World, smtp_server: SmtpServer) -> None:
    """What a server says about one address is not about the account, and its time is kept."""
    made = crowd(2)
    first = Lead.objects.get(pk=made[0].lead_id)
    smtp_server.script(first.email, rcpt="451 4.7.1 greylisted, try again in 7 minutes", times=1)
    world.run()
    assert [each[0] for each in states(made)] == ["ready", "sent"]
    assert made[0].due_at == NOON + 7 * MINUTE
    assert account().blocked_until is None


def test_rule_16_a_block_can_be_lifted_by_hand(world: World) -> None:
    """An operator who settled it with the provider need not wait."""
    SenderAccount.objects.create(name=account_name(), blocked_until=NOON + DAY, blocked_reason="421 later")
    crowd(1)
    assert world.run()["sent"] == 0
    assert rates.lift(account_name(), now=NOON) is True
    assert rates.lift(account_name(), now=NOON) is False
    assert world.run()["sent"] == 1


def test_rule_15_the_backlog_of_an_outage_drains_under_the_rate_limit(world: World) -> None:
    """After an outage nothing bursts: the backlog drains under the rate limit."""
    limit(per_second=0.5, burst=5)
    made = crowd(40)
    world.set_clock(NOON + 6 * HOUR)  # nobody worked in between
    sent = [world.run()["sent"]]
    for _ in range(40):
        world.later(seconds=2)
        sent.append(world.run()["sent"])
    assert sent[0] == 5
    assert max(sent[1:]) <= 2
    assert sum(sent) == 40
    assert all(each[0] == "sent" for each in states(made))
    times = list(Message.objects.order_by("sent_at").values_list("sent_at", flat=True))
    for place, at in enumerate(times):
        within = sum(at <= other < at + 20 * SECOND for other in times[place:])
        assert within <= 5 + 20 * 0.5
