"""When a crontab comes round, and how a broadcast's mails are dealt out: pure, by tables."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.broadcasts.assigning import Plan, assign
from campaigns.broadcasts.choosing import choose
from campaigns.broadcasts.occurring import CrontabError, Recurrence, read
from campaigns.engine.variants import Variant
from lifecycle.core.statistics import Arm
from tests.factories import NOON


@dataclass
class Row:
    minute: str = "0"
    hour: str = "9"
    day_of_week: str = "*"
    day_of_month: str = "*"
    month_of_year: str = "*"
    timezone: object = "UTC"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


TUESDAYS = Row(day_of_week="tue", timezone="Europe/Berlin")


@pytest.mark.parametrize(
    ("row", "after", "expected"),
    [
        (Row(), "2026-03-02 12:00", "2026-03-03 09:00"),
        (Row(), "2026-03-02 08:59", "2026-03-02 09:00"),
        (Row(), "2026-03-02 09:00", "2026-03-03 09:00"),
        (TUESDAYS, "2026-03-02 12:00", "2026-03-03 08:00"),
        # Berlin goes to summer time on 29 March 2026: nine o'clock stays nine o'clock there.
        (TUESDAYS, "2026-03-24 12:00", "2026-03-31 07:00"),
        (TUESDAYS, "2026-10-20 12:00", "2026-10-27 08:00"),
        # 02:30 does not exist on that Sunday: the end of the gap. In autumn it comes twice: the first.
        (Row("30", "2", timezone="Europe/Berlin"), "2026-03-28 12:00", "2026-03-29 01:00"),
        (Row("30", "2", timezone="Europe/Berlin"), "2026-10-24 12:00", "2026-10-25 00:30"),
        (Row("30", "2", timezone="Europe/Berlin"), "2026-10-25 00:30", "2026-10-26 01:30"),
        (Row(day_of_month="29", month_of_year="2"), "2026-03-01 00:00", "2028-02-29 09:00"),
        (Row(day_of_month="1,15", hour="8,20"), "2026-03-01 08:00", "2026-03-01 20:00"),
        (Row(day_of_month="31", day_of_week="mon"), "2026-03-02 12:00", "2026-08-31 09:00"),
    ],
)
def test_the_next_moment_of_a_crontab(row, after, expected):
    assert read(row).next(at(after)) == at(expected)


@pytest.mark.parametrize(
    ("row", "after", "until", "expected"),
    [
        (Row(), "2026-03-01 12:00", "2026-03-05 12:00", "2026-03-05 09:00"),
        (Row(), "2026-03-01 12:00", "2026-03-05 08:59", "2026-03-04 09:00"),
        (Row(), "2026-03-02 09:00", "2026-03-03 08:59", None),
        (Row(), "2026-03-02 09:00", "2026-03-03 09:00", "2026-03-03 09:00"),
        (TUESDAYS, "2026-03-25 00:00", "2026-03-31 06:59", None),
        (TUESDAYS, "2026-03-25 00:00", "2026-03-31 07:00", "2026-03-31 07:00"),
        (Row("30", "2", timezone="Europe/Berlin"), "2026-03-28 12:00", "2026-03-29 01:00", "2026-03-29 01:00"),
    ],
)
def test_the_last_moment_that_passed(row, after, until, expected):
    assert read(row).latest(at(after), at(until)) == (at(expected) if expected else None)


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Santiago"]


@given(
    st.sampled_from(ZONES),
    st.lists(st.integers(0, 23), min_size=1, max_size=3),
    st.lists(st.integers(0, 59), min_size=1, max_size=3),
    st.lists(st.integers(0, 6), min_size=1, max_size=7),
    st.integers(0, 365 * 24 * 60),
    st.integers(1, 20 * 24 * 60),
)
def test_looking_back_finds_what_looking_ahead_finds(zone, hours, minutes, weekdays, start, length):
    words = [",".join(map(str, part)) for part in (minutes, hours, weekdays)]
    recurrence = read(Row(words[0], words[1], words[2], timezone=zone))
    after = at("2026-01-01") + timedelta(minutes=start)
    until = after + timedelta(minutes=length)
    ahead = list(moments(recurrence, after, until))
    assert recurrence.latest(after, until) == (ahead[-1] if ahead else None)
    assert recurrence.count(after, until, most=10_000) == len(ahead)


def moments(recurrence: Recurrence, after: datetime, until: datetime):
    found = recurrence.next(after)
    while found is not None and found <= until:
        yield found
        found = recurrence.next(found)


@pytest.mark.parametrize(
    "row", [Row(hour="25"), Row(minute="x"), Row(day_of_month="0"), Row(day_of_month="30", month_of_year="2")]
)
def test_a_crontab_that_does_not_read_says_so(row):
    with pytest.raises(CrontabError):
        read(row)


A, B = Variant("a", 50, 1), Variant("b", 50, 2)


def plan(**changes) -> Plan:
    return Plan(**{"run_id": 7, "variants": (A,), "test_percent": 0, "starts_at": NOON, "per_hour": None, **changes})


def test_everybody_is_due_at_once():
    places = assign(plan(), range(1, 4), queued=0)
    assert [(place.lead_id, place.due_at, place.is_held) for place in places] == [
        (lead, NOON, False) for lead in (1, 2, 3)
    ]


def test_a_throttle_spreads_and_goes_on_over_chunks():
    slow = plan(per_hour=60)
    due = [place.due_at for place in (*assign(slow, [1, 2], queued=0), *assign(slow, [3], queued=2))]
    assert due == [NOON, NOON + timedelta(minutes=1), NOON + timedelta(minutes=2)]


def test_variants_share_the_people_and_the_same_person_gets_the_same_again():
    split = plan(variants=(A, B))
    first, again = assign(split, range(2_000), queued=0), assign(split, range(2_000), queued=0)
    assert first == again
    shares = Counter(place.variant.key for place in first)
    assert 900 < shares["a"] < 1_100


def test_a_test_tries_its_share_and_holds_the_others():
    tested = plan(variants=(A, B), test_percent=20, per_hour=3_600)
    places = assign(tested, range(5_000), queued=0)
    trying = [place for place in places if not place.is_held]
    assert 900 < len(trying) < 1_100
    assert [place.due_at for place in trying] == [NOON + timedelta(seconds=n) for n in range(len(trying))]


def test_each_run_tries_with_other_people():
    tries = [
        {
            place.lead_id
            for place in assign(plan(run_id=run, variants=(A, B), test_percent=20), range(500), queued=0)
            if not place.is_held
        }
        for run in (7, 8)
    ]
    assert tries[0] != tries[1]


def test_the_winner_was_clicked_more_and_not_by_chance():
    chosen = choose([Arm("a", 1_000, 20), Arm("b", 1_000, 60)], {"a": 50, "b": 50})
    assert chosen.key == "b"
    assert "a 20 of 1,000" in chosen.reason
    assert chosen.reason.startswith("experiment: b was clicked more")


@pytest.mark.parametrize(
    ("arms", "weights", "usual"),
    [
        ([Arm("a", 100, 5), Arm("b", 100, 6)], {"a": 50, "b": 50}, "a"),
        ([Arm("a", 100, 5), Arm("b", 100, 6)], {"a": 40, "b": 60}, "b"),
        ([Arm("a", 0, 0), Arm("b", 0, 0)], {"a": 50, "b": 50}, "a"),
        ([Arm("a", 100, 0), Arm("b", 100, 0)], {"a": 50, "b": 50}, "a"),
        ([Arm("a", 100, 100), Arm("b", 100, 100)], {"a": 50, "b": 50}, "a"),
        ([Arm("a", 10, 0), Arm("b", 0, 0)], {"a": 50, "b": 50}, "a"),
    ],
)
def test_without_a_clear_winner_the_usual_mail_goes_and_it_says_so(arms, weights, usual):
    chosen = choose(arms, weights)
    assert chosen.key == usual
    assert "no clear winner" in chosen.reason
