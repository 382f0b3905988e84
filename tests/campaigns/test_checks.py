"""May it leave? Rule 12's order as a ladder, rule 13's class, rule 14's cap for any history."""

from collections import deque
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.engine.windows import Window
from campaigns.sending.checks import MOST_ATTEMPTS, Case, Defer, Drop, Go, Policy, Verdict, seen, verdict
from tests.campaigns.journeying import NOON

DAY = timedelta(days=1)
FIVE_A_WEEK = Policy(cap_messages=5, cap_days=7)


def case(**changes: Any) -> Case:
    """A marketing mail that nothing speaks against."""
    values: dict[str, Any] = {
        "is_marketing": True,
        "topic_id": 4,
        "expires_at": None,
        "attempts": 0,
        "run_is_over": False,
        "exit_reason": "",
        **changes,
    }
    return Case(**values)


# Everything that can speak against a mail, in the order of rule 12.
LADDER: list[tuple[str, dict[str, Any]]] = [
    ("enrollment", {"run_is_over": True}),
    ("exit", {"exit_reason": "goal: meeting.booked"}),
    ("suppression", {"suppressions": [("marketing", None)]}),
    ("late", {"expires_at": NOON - DAY}),
    ("attempts", {"attempts": MOST_ATTEMPTS}),
    ("date", {"due_from": NOON + DAY}),
    ("window", {"window": Window(time(13), time(17))}),
    ("cap", {"marketing_times": [NOON] * 5}),
]


@pytest.mark.parametrize("step", range(len(LADDER)))
def test_rule_12_the_first_objection_in_the_order_names_itself(step: int) -> None:
    against: dict[str, Any] = {}
    for _, changes in LADDER[step:]:
        against |= changes
    found = verdict(case(**against), FIVE_A_WEEK, NOON)
    assert isinstance(found, Drop | Defer)
    assert found.reason.startswith(f"{LADDER[step][0]}: ")


def test_without_an_objection_it_goes() -> None:
    assert verdict(case(), FIVE_A_WEEK, NOON) == Go()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"run_is_over": True}, Drop("canceled", "enrollment: it is over")),
        ({"exit_reason": "customer"}, Drop("canceled", "exit: customer", exit_reason="customer")),
        (
            {"suppressions": [("everything", None)]},
            Drop("suppressed", "suppression: the address bounced or complained"),
        ),
        (
            {"suppressions": [("marketing", None)]},
            Drop("suppressed", "suppression: unsubscribed", exit_reason="unsubscribed"),
        ),
        ({"suppressions": [("topic", 4)]}, Drop("suppressed", "suppression: opted out of the topic")),
        ({"suppressions": [("topic", 9)]}, Go()),
        ({"suppressions": [("topic", 9)], "topic_id": None}, Go()),
        ({"expires_at": NOON}, Go()),
        (
            {"expires_at": NOON - timedelta(seconds=1)},
            Drop("expired", "late: not worth sending after 2026-03-02 11:59 UTC"),
        ),
        ({"attempts": MOST_ATTEMPTS - 1}, Go()),
        ({"attempts": MOST_ATTEMPTS}, Drop("failed", "attempts: gave up after 5")),
    ],
)
def test_what_each_check_says(changes: dict[str, Any], expected: Verdict) -> None:
    assert verdict(case(**changes), FIVE_A_WEEK, NOON) == expected


@pytest.mark.parametrize(
    ("suppressions", "marketing", "transactional"),
    [
        ([], True, True),
        ([("topic", 4)], False, True),
        ([("marketing", None)], False, True),
        ([("everything", None)], False, False),
        ([("topic", 4), ("marketing", None), ("everything", None)], False, False),
    ],
)
def test_rule_13_transactional_mail_skips_opt_outs_but_never_bounces(suppressions, marketing, transactional) -> None:
    for is_marketing, goes in ((True, marketing), (False, transactional)):
        judged = verdict(case(is_marketing=is_marketing, suppressions=suppressions), FIVE_A_WEEK, NOON)
        assert isinstance(judged, Go) is goes


def test_rule_13_transactional_mail_skips_the_cap() -> None:
    assert verdict(case(is_marketing=False, marketing_times=[NOON] * 50), FIVE_A_WEEK, NOON) == Go()


def test_rule_14_the_loser_waits_for_the_earliest_free_slot_and_says_when() -> None:
    sent = [NOON - timedelta(days=days) for days in (6, 5, 3, 2, 1)]
    assert verdict(case(marketing_times=sent), FIVE_A_WEEK, NOON) == Defer(
        NOON + DAY, "cap: 5 marketing mails in 7 days (cap 5); next slot 2026-03-03 12:00 UTC"
    )


def test_rule_14_after_the_cap_was_lowered_the_slot_is_the_one_that_is_really_free() -> None:
    sent = [NOON - timedelta(days=days) for days in (6, 5, 3, 2, 1)]
    found = verdict(case(marketing_times=sent), Policy(cap_messages=2, cap_days=7), NOON)
    assert isinstance(found, Defer)
    assert found.until == NOON + 5 * DAY


def test_the_order_of_the_times_does_not_matter() -> None:
    sent = [NOON - timedelta(days=days) for days in (1, 6, 3, 5, 2)]
    assert verdict(case(marketing_times=sent), FIVE_A_WEEK, NOON).until == NOON + DAY


policies = st.builds(Policy, cap_messages=st.integers(1, 6), cap_days=st.integers(1, 30))
dues = st.lists(st.integers(0, 60 * 24 * 60).map(lambda minute: NOON + timedelta(minutes=minute)), max_size=40)


@settings(max_examples=100, deadline=None)
@given(policies, dues)
def test_rule_14_never_more_than_n_in_d_days_whatever_is_due_when(policy: Policy, due: list[datetime]) -> None:
    sent: list[datetime] = []
    waiting = deque(sorted(due))
    while waiting:
        now = waiting.popleft()
        found = verdict(case(marketing_times=list(sent)), policy, now)
        if isinstance(found, Go):
            sent.append(now)
        else:
            assert isinstance(found, Defer)
            assert found.until > now
            waiting = deque(sorted([*waiting, found.until]))
    assert len(sent) == len(due), "nobody's mail is lost to the cap"
    span = timedelta(days=policy.cap_days)
    for end in sent:
        assert sum(end - span < at <= end for at in sent) <= policy.cap_messages


@settings(max_examples=100, deadline=None)
@given(policies, dues)
def test_rule_14_the_slot_is_free_and_no_earlier_one_is(policy: Policy, sent: list[datetime]) -> None:
    now = max(sent, default=NOON)
    found = verdict(case(marketing_times=sent), policy, now)
    if isinstance(found, Defer):
        assert verdict(case(marketing_times=sent), policy, found.until) == Go()
        just_before = found.until - timedelta(microseconds=1)
        assert isinstance(verdict(case(marketing_times=sent), policy, just_before), Defer)


OFFICE = Window(time(9), time(17), frozenset(range(5)), skip_holidays=True)
QUIET = Window(time(20), time(8))


@pytest.mark.parametrize(
    ("at", "changes", "until", "reason"),
    [
        (
            "2026-03-02 17:30",
            {"window": OFFICE, "zone": "Europe/Berlin"},
            "2026-03-03 08:00",
            "window: outside 09:00–17:00 Monday to Friday in Europe/Berlin; next opening 2026-03-03 08:00 UTC",
        ),
        (
            "2026-03-02 12:00",
            {"window": OFFICE, "holidays": {date(2026, 3, 2)}},
            "2026-03-03 09:00",
            "window: closed on a holiday, open 09:00–17:00 Monday to Friday in UTC; next opening 2026-03-03 09:00 UTC",
        ),
        (
            "2026-03-02 21:00",
            {"quiet": QUIET, "zone": "Asia/Tokyo"},
            "2026-03-02 23:00",
            "window: quiet hours 20:00–08:00 in Asia/Tokyo; next opening 2026-03-02 23:00 UTC",
        ),
        (  # open by the sequence, quiet by the workspace: both must agree
            "2026-03-02 07:00",
            {"window": Window(time(6), time(9)), "quiet": QUIET},
            "2026-03-02 08:00",
            "window: quiet hours 20:00–08:00 in UTC; next opening 2026-03-02 08:00 UTC",
        ),
        (
            "2026-03-02 22:00",
            {"window": Window(time(21), time(23)), "quiet": QUIET},
            "2026-03-03 22:00",
            "window: quiet hours 20:00–08:00 in UTC; it never opens outside the quiet hours",
        ),
    ],
)
def test_rule_11_outside_its_hours_a_mail_waits_for_the_next_opening(
    at: str, changes: dict[str, Any], until: str, reason: str
) -> None:
    found = verdict(case(**changes), FIVE_A_WEEK, utc(at))
    assert found == Defer(utc(until), reason)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "changes"),
    [
        ("2026-03-02 12:00", {"window": OFFICE, "quiet": QUIET}),
        ("2026-03-02 21:00", {"window": OFFICE, "quiet": QUIET, "is_marketing": False}),  # rule 13
        ("2026-03-02 12:00", {"window": Window(time(9), time(17)), "holidays": {date(2026, 3, 2)}}),
        ("2026-03-02 12:00", {"due_from": NOON}),
    ],
)
def test_rule_11_inside_its_hours_it_goes_and_transactional_mail_at_any(at: str, changes: dict[str, Any]) -> None:
    assert verdict(case(**changes), FIVE_A_WEEK, utc(at)) == Go()


def test_rule_11_the_rule_of_the_clock_and_its_zone_are_kept_with_the_mail() -> None:
    given = case(window=OFFICE, quiet=QUIET, zone="Europe/Berlin")
    assert seen(given, FIVE_A_WEEK, NOON, Go())["window"] == {
        "from": "09:00",
        "until": "17:00",
        "weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday"],
        "holidays": "skip",
        "quiet": {"from": "20:00", "until": "08:00"},
        "zone": "Europe/Berlin",
    }
