"""`decide`, by stories and by properties over random graphs that run forward."""

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.engine.deciding import LONGEST_WALK, Journey, decide
from campaigns.engine.steps import (
    CalendarStep,
    EndStep,
    Leave,
    Note,
    Notify,
    NotifyStep,
    Position,
    Queue,
    SetField,
    SetStep,
    Stay,
    Step,
    WaitStep,
)
from lifecycle.core import rules
from tests.campaigns.journeying import CUSTOMER, HOT, NOON, branch, facts, goal, journey, position, rule, send, until

DAY = timedelta(days=1)
KINDS = ("email.clicked", "demo.watched")

# The rules are those of docs/journeys.md; a test names the rule it holds.


def after(stay: Stay, came: Position, at: datetime | None = None) -> Position:
    """Where a person stands once the runner has written down `stay`; `at`: when the mail there had its end."""
    return replace(came, step_key=stay.step_key, step_since=stay.step_since, is_waiting=True, due_at=stay.until or at)


def test_a_person_walks_from_mail_to_wait_to_mail_to_the_end() -> None:
    welcome = journey(send("one"), WaitStep("pause", DAY), send("two"))
    here = position("one")

    queued, stays = decide(welcome, here, facts(), NOON)
    assert queued == Queue("one", "", 7, "the step is reached")
    assert stays == Stay("one", NOON, None, "waiting for the mail's outcome")

    settled = NOON + timedelta(hours=4)
    here = after(stays, here, at=settled)
    noted, stays = decide(welcome, here, facts(), settled)
    assert noted == Note("one", "its mail has an outcome")
    assert (stays.step_key, stays.until) == ("pause", settled + DAY)

    here = after(stays, here)
    over, queued, stays = decide(welcome, here, facts(), settled + DAY)
    assert (over.reason, queued.step_key, stays.until) == ("the wait is over", "two", None)

    here = after(stays, here, at=settled + DAY)
    assert decide(welcome, here, facts(), settled + DAY)[-1] == Leave("", "completed")


def test_rule_6_an_exit_is_looked_at_before_every_step() -> None:
    leaving = journey(send("one"), exits=(goal("meeting.booked"),))
    booked = facts(("meeting.booked", NOON + DAY))
    assert decide(leaving, position("one"), booked, NOON + DAY) == [Leave("one", "goal: meeting.booked", 1)]


def test_rule_6_a_goal_counts_since_the_enrollment_only() -> None:
    leaving = journey(send("one"), exits=(goal("meeting.booked"),))
    before = facts(("meeting.booked", NOON - DAY), ("meeting.booked", NOON))
    assert isinstance(decide(leaving, position("one"), before, NOON + DAY)[-1], Stay)


def test_the_first_exit_that_holds_gives_the_reason_and_the_latest_event_of_its_goal() -> None:
    leaving = journey(send("one"), exits=(goal("a.happened"), goal("b.happened")))
    both = facts(("b.happened", NOON + DAY), ("a.happened", NOON + DAY), ("a.happened", NOON + 2 * DAY))
    assert decide(leaving, position("one"), both, NOON + 3 * DAY) == [Leave("one", "goal: a.happened", 3)]


def test_rule_8_a_rule_that_ends_the_run_has_its_own_reason() -> None:
    exit_rule = replace(goal("a.happened"), rule=rule(CUSTOMER), reason="customer", goal="")
    leaving = journey(send("one"), exits=(exit_rule,))
    assert decide(leaving, position("one"), facts(stage="customer"), NOON) == [Leave("one", "customer")]


def test_effects_come_in_the_order_of_the_steps() -> None:
    busy = journey(
        SetStep("tag", "attributes.nurtured", True),
        branch("hot", HOT, then="tell"),
        SetStep("skipped", "industry", "none"),
        NotifyStep("tell", "Call now"),
        send("mail"),
    )
    decisions = decide(busy, position("tag"), facts(temperature="hot"), NOON)
    assert [type(decision) for decision in decisions] == [SetField, Note, Notify, Queue, Stay]
    assert decisions[1] == Note("hot", "Temperature is hot: yes")


@pytest.mark.parametrize(
    ("name", "value"), [("attributes.nurtured", True), ("industry", "care")], ids=["an attribute", "a field"]
)
def test_a_branch_sees_what_the_step_before_it_set(name: str, value: object) -> None:
    test = {"field": name, "op": "eq", "value": value}
    steps = journey(SetStep("set", name, value), branch("look", test, otherwise="no"), send("yes"), send("no"))
    before = facts(attributes={"plan": "pro"}, industry="")
    assert decide(steps, position("set"), before, NOON)[-1].step_key == "yes"
    assert before.fields["attributes"] == {"plan": "pro"}


def test_a_step_that_is_gone_or_behind_the_last_completes_the_run() -> None:
    short = journey(send("one"))
    assert decide(short, position(""), facts(), NOON) == [Leave("", "completed")]
    assert decide(short, position("deleted"), facts(), NOON) == [Leave("deleted", "completed")]
    assert decide(journey(EndStep("end")), position("end"), facts(), NOON) == [Leave("end", "completed")]


def test_a_circle_in_damaged_data_ends_the_run_with_its_reason() -> None:
    broken = journey(branch("a", HOT, then="b", otherwise="b"), branch("b", HOT, then="a", otherwise="a"))
    decisions = decide(broken, position("a"), facts(), NOON)
    assert len(decisions) == LONGEST_WALK + 1
    assert decisions[-1].reason == "failed: the steps run in a circle"


@st.composite
def forward_journeys(draw: st.DrawFn) -> Journey:
    size = draw(st.integers(1, 8))
    steps = [draw(_step(place, size)) for place in range(size)]
    exits = draw(st.sampled_from([(), (goal("meeting.booked"),)]))
    return journey(*steps, exits=exits)


def _step(place: int, size: int) -> st.SearchStrategy[Step]:
    key = f"s{place}"
    target = st.sampled_from(["", *(f"s{later}" for later in range(place + 1, size))])
    duration = st.integers(1, 20_000).map(lambda minutes: timedelta(minutes=minutes))
    return st.one_of(
        st.just(send(key)),
        st.builds(WaitStep, st.just(key), duration, st.booleans()),
        st.builds(CalendarStep, st.just(key), st.times(), st.sampled_from([None, *range(7)])),
        st.builds(until, st.just(key), st.sampled_from(KINDS), duration, target, target),
        st.builds(branch, st.just(key), st.just(HOT), target, target),
        st.just(SetStep(key, "industry", "x")),
        st.just(NotifyStep(key, "Call")),
        st.just(EndStep(key)),
    )


minutes = st.integers(-30_000, 30_000).map(lambda count: timedelta(minutes=count))


@st.composite
def positions(draw: st.DrawFn, size: int = 9) -> Position:
    since = NOON + draw(minutes)
    return position(
        draw(st.sampled_from(["", "deleted", *(f"s{place}" for place in range(size))])),
        step_since=since,
        enrolled_at=since - abs(draw(minutes)),
        is_waiting=draw(st.booleans()),
        due_at=draw(st.one_of(st.none(), minutes.map(lambda away: NOON + away))),
        zone=draw(st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland", "America/Santiago"])),
    )


histories = st.lists(
    st.tuples(st.sampled_from([*KINDS, "meeting.booked"]), minutes.map(lambda away: NOON + away)), max_size=4
)
temperatures = st.sampled_from(["cold", "hot"])


@settings(max_examples=60, deadline=None)
@given(forward_journeys(), positions(), histories, temperatures, minutes)
def test_decide_ends_in_exactly_one_stay_or_leave_and_never_goes_back(
    walked: Journey, here: Position, history: list[tuple[str, datetime]], temperature: str, later: timedelta
) -> None:
    known, now = facts(*history, since=here.enrolled_at, temperature=temperature), NOON + later
    decisions = decide(walked, here, known, now)

    *effects, last = decisions
    assert isinstance(last, Stay | Leave)
    assert not any(isinstance(effect, Stay | Leave) for effect in effects)
    assert all(decision.reason for decision in decisions)
    assert decisions == decide(walked, here, known, now)

    places = [walked.index[effect.step_key] for effect in effects]
    assert places == sorted(set(places))
    assert all(place >= walked.index.get(here.step_key, 0) for place in places)
    if isinstance(last, Stay):
        assert walked.index[last.step_key] >= max([walked.index[here.step_key], *places])
        assert last.until is None or last.until > now


@settings(max_examples=60, deadline=None)
@given(forward_journeys(), positions(), histories, temperatures, minutes)
def test_deciding_again_at_the_same_moment_changes_nothing(
    walked: Journey, here: Position, history: list[tuple[str, datetime]], temperature: str, later: timedelta
) -> None:
    known, now = facts(*history, since=here.enrolled_at, temperature=temperature), NOON + later
    last = decide(walked, here, known, now)[-1]
    if isinstance(last, Stay) and last.until is not None:
        assert decide(walked, after(last, here), known, now) == [last]


@settings(max_examples=60, deadline=None)
@given(forward_journeys(), histories, temperatures, st.integers(0, 2000))
def test_every_run_ends_and_queues_each_mail_at_most_once(
    walked: Journey, history: list[tuple[str, datetime]], temperature: str, late: int
) -> None:
    known = facts(*history, temperature=temperature)
    here, now, queued = position("s0"), NOON, []
    for _ in range(2 * len(walked.steps) + 1):
        *effects, last = decide(walked, here, known, now)
        queued += [effect.step_key for effect in effects if isinstance(effect, Queue)]
        if isinstance(last, Leave):
            break
        now = (last.until or now) + timedelta(minutes=late)
        here = after(last, here, at=now)
    assert isinstance(last, Leave)
    assert len(queued) == len(set(queued))


@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=3)])
def test_rule_15_an_outage_moves_the_rest_of_the_sequence_and_bursts_nothing(late: timedelta) -> None:
    weekly = journey(WaitStep("w1", DAY), WaitStep("w2", DAY))
    here = position("w1", is_waiting=True, due_at=NOON + DAY)
    assert decide(weekly, here, facts(), NOON + DAY + late)[-1].until == NOON + 2 * DAY + late


def sent_on(journey_: Journey, ticks: list[datetime]) -> list[datetime]:
    """When the mails of a journey leave, if the engine only runs at these moments."""
    here, sent = position(journey_.first), []
    for now in ticks:
        while here.due_at is not None and here.due_at <= now:
            *effects, last = decide(journey_, here, facts(), now)
            if isinstance(last, Leave):
                return sent
            queued = any(isinstance(effect, Queue) for effect in effects)
            sent += [now] if queued else []
            here = after(last, here, at=now if queued else None)
    return sent


def weekly(count: int) -> Journey:
    steps = [step for number in range(count) for step in (WaitStep(f"w{number}", 7 * DAY), send(f"m{number}"))]
    return journey(send("first"), *steps)


def test_rule_10_ticks_that_come_a_little_late_do_not_push_the_plan() -> None:
    late = [timedelta(hours=hours) for hours in (9, 2, 10, 5, 8, 1)]
    ticks = [NOON + 7 * DAY * week + late[week] for week in range(6)]
    assert sent_on(weekly(5), ticks) == ticks


def test_rule_15_after_three_weeks_without_the_engine_one_mail_leaves_and_the_rest_keep_their_distance() -> None:
    ticks = [NOON + DAY * day for day in (0, 28, 29, 34, 35, 42)]
    assert sent_on(weekly(3), ticks) == [NOON + DAY * day for day in (0, 28, 35, 42)]


def test_a_wait_of_hours_ends_with_its_minute_and_a_wait_of_minutes_to_the_microsecond() -> None:
    began = NOON + timedelta(seconds=42, microseconds=7)
    for span, end in ((DAY, NOON + DAY), (timedelta(minutes=10), began + timedelta(minutes=10))):
        decisions = decide(journey(WaitStep("w", span)), position("w", step_since=began), facts(), began)
        assert decisions[-1].until == end


def test_rules_are_asked_with_what_they_said_they_need() -> None:
    walked = journey(branch("hot", HOT), until("click", "email.clicked", DAY))
    needs = [step.rule.needs() for step in walked.steps]
    assert rules.Needs().merge(*needs).events == (rules.EventNeed("email.clicked", since_enrollment=True),)


def test_a_calendar_step_waits_on_the_clock_of_the_person() -> None:
    tuesday = journey(CalendarStep("tuesday", time(9), weekday=1))
    for zone, hour in (("UTC", 9), ("Europe/Berlin", 8), ("America/New_York", 14)):
        stay = decide(tuesday, position("tuesday", zone=zone), facts(), NOON)[-1]
        assert stay.until == NOON.replace(day=3, hour=hour)
