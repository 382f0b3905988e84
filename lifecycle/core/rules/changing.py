"""When time alone may change what a rule says: the next moment to look at somebody again.

Nothing happens to the person in between: no new event, no changed field. The moment may come too early (then one looks
and goes on waiting), never too late.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from . import moments
from .evaluating import Check, compile_check, enrollment_start, event_matcher, field_value
from .facts import EventFact, Facts
from .operators import RELATIVE
from .tree import Comparison, EventTest, FieldTest, Group, Node, Not

Change = Callable[[Facts, datetime], datetime | None]


def compile_change(node: Node) -> Change | None:
    """The node's next change as a function of facts and the present moment; None if time alone never changes it."""
    match node:
        case FieldTest():
            return _field_change(node)
        case EventTest():
            return _event_change(node)
        case Group():
            return _group_change(node)
        case Not():
            return compile_change(node.part)


def _field_change(test: FieldTest) -> Change | None:
    if test.comparison.op not in RELATIVE:
        return None
    read = moments.read if test.field.member is not None else _instant
    return lambda facts, now: _turn(test.comparison, read(field_value(test, facts)), now)


def _turn(comparison: Comparison, at: datetime | None, now: datetime) -> datetime | None:
    """The first moment after `now` at which a relative test of this instant turns."""
    if at is None:
        return None
    span: Any = comparison.value
    turns = (at, -span) if comparison.op == "within_next" else (at, span)
    candidates = [_moved(*turns)] if comparison.op == "older_than" else sorted((at, _moved(*turns)))
    return next((turn for turn in candidates if turn > now), None)


def _event_change(test: EventTest) -> Change:
    kind, within, since_enrollment = test.kind, test.within, test.since_enrollment
    matches = event_matcher(test.where)
    moving = [where for where in test.where if where.comparison.op in RELATIVE]
    # Newest first, the event whose leaving makes the count cross a bound.
    bounds = [bound for bound in (test.low, None if test.high is None else test.high + 1) if bound]

    def change(facts: Facts, now: datetime) -> datetime | None:
        events = facts.events.get(kind)
        if not events:
            return None
        if moving:
            return min((turn for event in events for turn in _every_turn(event, test) if turn > now), default=None)
        after = now - within if within is not None else enrollment_start(facts) if since_enrollment else None
        counted: list[datetime] = []
        turns: list[datetime] = []
        for event in events:
            if (after is None or event.at > after) and (matches is None or matches(event, now)):
                (counted if event.at <= now else turns).append(event.at)
        if within is not None and counted:
            counted.sort()
            turns += [_moved(counted[-bound], within) for bound in bounds if len(counted) >= bound]
        return min(turns, default=None)

    return change


def _every_turn(event: EventFact, test: EventTest) -> Iterator[datetime]:
    """Each moment at which the event may begin or cease to count, whatever the others do."""
    yield event.at
    if test.within is not None:
        yield _moved(event.at, test.within)
    for where in test.where:
        at = moments.read(event.properties.get(where.name)) if where.comparison.op in RELATIVE else None
        if at is not None:
            span: Any = where.comparison.value
            yield from (at, _moved(at, span), _moved(at, -span))


def _group_change(group: Group) -> Change | None:
    parts: list[tuple[Check, Change | None]] = [(compile_check(part), compile_change(part)) for part in group.parts]
    if all(change is None for _, change in parts):
        return None
    decisive = group.word == "any"

    def change(facts: Facts, now: datetime) -> datetime | None:
        deciding = [turn for check, turn in parts if check(facts, now) is decisive]
        # As long as one of those that decide stays as it is, so does the whole.
        asked = [turn(facts, now) if turn else None for turn in deciding or [turn for _, turn in parts]]
        known = [moment for moment in asked if moment is not None]
        if deciding:
            return max(known) if len(known) == len(asked) else None
        return min(known, default=None)

    return change


def _instant(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None


def _moved(at: datetime, span: timedelta) -> datetime:
    try:
        return at + span
    except OverflowError:  # beyond the calendar is as good as never
        return datetime.max.replace(tzinfo=at.tzinfo) if span > timedelta(0) else datetime.min.replace(tzinfo=at.tzinfo)
