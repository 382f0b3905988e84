"""Attendance: the union of stays, settled once, and everybody told what fits."""

from datetime import timedelta
from itertools import pairwise, permutations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from tests.webinars.attendees import ENDS, STARTS, seat, told, was_there, webinar
from webinars import attending
from webinars.models import Presence, Registration
from webinars.presences import Told, attended_seconds, union

SESSION = (STARTS, ENDS)


def at(minutes: float):
    return STARTS + timedelta(minutes=minutes)


def minutes_of(*rows: Told) -> float:
    return attended_seconds(rows, SESSION) / 60


# --- the union of stays, pure


@pytest.mark.parametrize(
    ("stays", "minutes"),
    [
        ([], 0),
        ([(0, 60)], 60),
        ([(0, 10), (20, 30)], 20),
        ([(0, 30), (10, 20)], 30),  # two devices at once
        ([(0, 30), (20, 40)], 40),
        ([(0, 30), (30, 60)], 60),
        ([(-5, 10)], 15),  # the host began early
        ([(50, 75)], 25),  # and went on
        ([(30, 20)], 0),  # clocks that disagree
    ],
)
def test_overlaps_count_once_and_gaps_do_not(stays, minutes) -> None:
    assert minutes_of(*(Told(at(start), at(end)) for start, end in stays)) == minutes


@pytest.mark.parametrize(
    ("joins", "leaves", "minutes"),
    [
        ([5], [25], 20),
        ([5], [], 55),  # nobody told that they left: until the end
        ([], [25], 25),  # nobody told that they came: from the beginning
        ([5, 30], [20, 40], 25),  # the same connection twice
        ([5, 10], [20], 15),  # came twice without going
        ([5], [20, 30], 15),  # went twice
        ([5, 20], [20], 55),  # came back in the second of going
        ([70], [], 0),  # came when it was over
        ([10], [5], 55),  # the two are no pair: there until 5, and from 10 to the end
    ],
)
def test_the_two_ends_of_a_stay_are_told_apart_and_in_any_order(joins, leaves, minutes) -> None:
    rows = [Told(joined_at=at(minute), connection="x") for minute in joins]
    rows += [Told(left_at=at(minute), connection="x") for minute in leaves]
    for order in permutations(rows):
        assert minutes_of(*order) == minutes


def test_connections_are_paired_each_by_itself() -> None:
    phone = [Told(joined_at=at(0), connection="phone"), Told(left_at=at(50), connection="phone")]
    laptop = [Told(joined_at=at(10), connection="laptop"), Told(left_at=at(20), connection="laptop")]
    assert minutes_of(*laptop, *phone) == 50


def test_lengths_without_times_add_up_and_the_longer_of_both_kinds_counts() -> None:
    assert minutes_of(Told(seconds=600), Told(seconds=300)) == 15
    assert minutes_of(Told(seconds=600), Told(at(0), at(30))) == 30
    assert minutes_of(Told(seconds=2400), Told(at(0), at(30))) == 40


moments = st.integers(-600, 4500).map(lambda seconds: STARTS + timedelta(seconds=seconds))
ends = st.one_of(st.none(), moments)
rows = st.builds(Told, joined_at=ends, left_at=ends, connection=st.sampled_from(["a", "b", "c"]))


@given(st.lists(rows, max_size=12), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(given_rows, random) -> None:
    expected = attended_seconds(given_rows, SESSION)
    again = given_rows + given_rows[: random.randint(0, len(given_rows))]
    random.shuffle(again)
    assert attended_seconds(again, SESSION) == expected
    assert 0 <= expected <= 5100


@given(st.lists(st.builds(Told, joined_at=moments, left_at=moments), max_size=12))
def test_the_union_is_what_a_tick_of_every_second_would_count(stays) -> None:
    seconds = set()
    for stay in stays:
        first, last = (int((moment - STARTS).total_seconds()) for moment in (stay.joined_at, stay.left_at))
        seconds |= set(range(first, last))
    assert attended_seconds(stays, SESSION) == len(seconds)


@given(st.lists(st.tuples(moments, moments).map(sorted).map(tuple), max_size=12))
def test_the_unions_spans_are_apart_and_in_order(spans) -> None:
    found = list(union(spans))
    assert all(first[1] < second[0] for first, second in pairwise(found))


# --- settled once


@pytest.mark.django_db
def test_a_quarter_of_an_hour_after_its_end_everybody_is_told_once() -> None:
    session = webinar()
    stayed, looked_in, never_came = seat(session), seat(session), seat(session)
    gave_back, came_anyhow = seat(session, state="canceled"), seat(session, state="canceled")
    in_line = seat(session, state="waiting", seated_at=None)
    was_there(stayed, 30)
    was_there(looked_in, 9)
    was_there(came_anyhow, 45)
    attending.end(session.pk, at=at(58))
    assert attending.settle_due(now=at(70)) == attending.Settled()
    assert attending.settle_due(now=at(73)) == attending.Settled(attended=2, missed=2)
    assert attending.settle_due(now=at(100)) == attending.Settled()
    assert told(stayed) == [("webinar.attended", 30)]
    assert told(looked_in) == [("webinar.missed", 9)]
    assert told(never_came) == [("webinar.missed", 0)]
    assert told(came_anyhow) == [("webinar.attended", 45)]
    assert told(gave_back) == told(in_line) == []
    stayed.refresh_from_db()
    assert (stayed.attendance, stayed.attended_seconds) == ("attended", 1800)


@pytest.mark.django_db
def test_nobody_missed_what_nobody_told_the_end_of() -> None:
    session = webinar()
    someone = seat(session)
    was_there(someone, 30)
    assert attending.settle_due(now=at(10_000)) == attending.Settled()
    assert told(someone) == []


@pytest.mark.django_db
def test_how_long_one_must_have_been_there_is_the_webinars_own() -> None:
    session = webinar(attended_after=40)
    someone = seat(session)
    was_there(someone, 39)
    assert attending.settle(session.pk, now=at(80)) == attending.Settled(missed=1)
    was_there(someone, 5, since=at(45))
    assert attending.settle_again(session.pk, [someone.pk], now=at(81)) == attending.Settled(attended=1)
    assert told(someone) == [("webinar.missed", 39), ("webinar.attended", 44)]


@pytest.mark.django_db
def test_attended_wins_whatever_is_told_later() -> None:
    session = webinar()
    someone = seat(session)
    was_there(someone, 30)
    attending.settle(session.pk, now=at(80))
    Presence.objects.all().delete()
    assert attending.settle(session.pk, now=at(90)) == attending.Settled()
    assert Registration.objects.get().attendance == "attended"


@pytest.mark.django_db
def test_a_rehearsal_is_no_end_and_a_break_is_none_either() -> None:
    session = webinar()
    seat(session)
    assert not attending.end(session.pk, at=at(-30))
    attending.end(session.pk, at=at(20))
    attending.begin(session.pk, at=at(25))
    assert attending.settle_due(now=at(50)) == attending.Settled()
    attending.end(session.pk, at=at(60))
    assert not attending.end(session.pk, at=at(20))  # told again, late
    assert attending.settle_due(now=at(75)) == attending.Settled(missed=1)


@pytest.mark.django_db
def test_a_canceled_webinar_is_never_settled() -> None:
    session = webinar(state="canceled")
    seat(session)
    attending.end(session.pk, at=at(60))
    assert attending.settle_due(now=at(100)) == attending.Settled()


@pytest.mark.django_db
def test_a_stay_is_kept_once() -> None:
    someone = seat(webinar())
    stay = attending.Stay(someone.pk, "k", "zoom", joined_at=STARTS)
    assert attending.note([stay]) == 1
    assert attending.note([stay, stay]) == 0
    assert attending.note([]) == 0


@pytest.mark.django_db
def test_many_people_take_as_many_queries_as_few() -> None:
    session = webinar()
    first = seat(session)
    was_there(first, 20)
    with CaptureQueriesContext(connection) as few:
        attending.settle(session.pk, now=at(80))
    for _ in range(40):
        was_there(seat(session), 20)
    with CaptureQueriesContext(connection) as many:
        assert attending.settle(session.pk, now=at(90)) == attending.Settled(attended=40)
    assert len(many) <= len(few)
