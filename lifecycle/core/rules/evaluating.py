"""A rule as Python closures over `Facts`: built once, called for each lead.

Every test is written so that `sql` can say the same: a missing value (None, "" or no such member) and a value of
another type fail each positive test, and a negative test is exactly "not" its positive one.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from . import moments
from .facts import EventFact, Facts
from .folding import fold
from .operators import NEGATIVE
from .tree import Comparison, EventTest, FieldTest, Group, Node, Not, PropertyTest

Check = Callable[[Facts, datetime], bool]
ValueCheck = Callable[[Any, datetime], bool]
Count = Callable[[Facts, datetime, int | None], int]


def compile_check(node: Node) -> Check:
    """The node as a function of facts and the present moment."""
    match node:
        case FieldTest():
            return _field_check(node)
        case EventTest():
            return _event_check(node)
        case Group():
            return _group_check(node)
        case Not():
            inner = compile_check(node.part)
            return lambda facts, now: not inner(facts, now)


def compile_count(test: EventTest) -> Count:
    """How many events match, counted no further than the given limit."""
    kind, within, since_enrollment = test.kind, test.within, test.since_enrollment
    matches = event_matcher(test.where)

    def count(facts: Facts, now: datetime, limit: int | None = None) -> int:
        events = facts.events.get(kind)
        if not events:
            return 0
        after = now - within if within is not None else enrollment_start(facts) if since_enrollment else None
        found = 0
        for event in events:
            at = event.at
            if at <= now and (after is None or at > after) and (matches is None or matches(event, now)):
                found += 1
                if found == limit:
                    break
        return found

    return count


def field_value(test: FieldTest, facts: Facts) -> Any:
    """The tested value. LookupError if it was not loaded: a forgotten column must not pass for a missing value."""
    field = test.field
    name = field.name if field.member is None else field.path
    try:
        value = facts.fields[name]
    except KeyError:
        raise LookupError(f"the facts lack {name!r}; load the fields that Rule.needs() names") from None
    if field.member is None:
        return value
    return value.get(field.member) if isinstance(value, dict) else None


def _field_check(test: FieldTest) -> Check:
    in_json = test.field.member is not None
    check = _value_check(test.comparison, folded=test.field.folded, in_json=in_json)
    if in_json:
        return lambda facts, now: check(field_value(test, facts), now)
    name = test.field.name

    def run(facts: Facts, now: datetime) -> bool:
        try:
            value = facts.fields[name]
        except KeyError:
            value = field_value(test, facts)
        return check(value, now)

    return run


def _event_check(test: EventTest) -> Check:
    count = compile_count(test)
    low, high = test.low, test.high
    if high is None:
        return lambda facts, now: count(facts, now, low) == low
    return lambda facts, now: low <= count(facts, now, high + 1) <= high


def enrollment_start(facts: Facts) -> datetime:
    if facts.since is None:
        raise LookupError("the rule counts events since the enrollment; give Facts.since")
    return facts.since


def event_matcher(where: tuple[PropertyTest, ...]) -> Callable[[EventFact, datetime], bool] | None:
    if not where:
        return None
    checks = [(test.name, _value_check(test.comparison, folded=False, in_json=True)) for test in where]
    return lambda event, now: all(check(event.properties.get(name), now) for name, check in checks)


def _group_check(group: Group) -> Check:
    checks = [compile_check(part) for part in group.parts]
    if len(checks) == 1:
        return checks[0]
    wanted = group.word == "any"

    def run(facts: Facts, now: datetime) -> bool:
        for check in checks:
            if check(facts, now) is wanted:
                return wanted
        return not wanted

    return run


def _value_check(comparison: Comparison, *, folded: bool, in_json: bool) -> ValueCheck:
    positive = NEGATIVE.get(comparison.op)
    if comparison.kind == "datetime" and in_json:
        at = _time_check(comparison.op, comparison.value)
        return lambda value, now: at(moments.read(value), now)
    if positive is not None:
        check = _positive_check(comparison, positive, folded=folded)
        return lambda value, now: not check(value, now)
    return _positive_check(comparison, comparison.op, folded=folded)


def _positive_check(comparison: Comparison, op: str, *, folded: bool) -> ValueCheck:
    value: Any = comparison.value
    match comparison.kind:
        case "presence":
            return lambda value, now: value is not None and value != ""
        case "text":
            return _text_check(op, value, folded=folded)
        case "choice":
            choices = frozenset(_as_tuple(value))
            return lambda value, now: isinstance(value, str) and value in choices
        case "number":
            return _number_check(op, value)
        case "boolean":
            wanted = {"is_true": (True,), "is_false": (False,)}.get(op) or _as_tuple(value)
            return lambda value, now: isinstance(value, bool) and value in wanted
        case "datetime":
            return _time_check(op, value)


def _text_check(op: str, value: str | tuple[str, ...], *, folded: bool) -> ValueCheck:
    read: Callable[[str], str] = str if folded else fold
    values = frozenset(fold(one) for one in _as_tuple(value))
    part = next(iter(values))
    match op:
        case "contains":
            return lambda value, now: isinstance(value, str) and part in read(value)
        case "starts_with":
            return lambda value, now: isinstance(value, str) and read(value).startswith(part)
        case "ends_with":
            return lambda value, now: isinstance(value, str) and read(value).endswith(part)
        case _:
            return lambda value, now: isinstance(value, str) and read(value) in values


def _number_check(op: str, value: Any) -> ValueCheck:
    plain = _order_check(op, _as_tuple(value))
    # A Decimal is never equal to the float nearest to it, so it is compared with the decimal that the rule spells.
    exact = _order_check(op, tuple(Decimal(repr(one)) for one in _as_tuple(value)))

    def check(value: Any, now: datetime) -> bool:
        if type(value) is int or type(value) is float:
            return plain(value)
        return isinstance(value, Decimal) and exact(value)

    return check


def _order_check(op: str, values: tuple[Any, ...]) -> Callable[[Any], bool]:
    bound = values[0]
    match op:
        case "lt":
            return lambda number: bool(number < bound)
        case "lte":
            return lambda number: bool(number <= bound)
        case "gt":
            return lambda number: bool(number > bound)
        case "gte":
            return lambda number: bool(number >= bound)
        case "between":
            low, high = values
            return lambda number: bool(low <= number <= high)
        case _:
            known = frozenset(values)
            return lambda number: number in known


def _time_check(op: str, value: Any) -> ValueCheck:
    moment: datetime = value
    span: timedelta = value
    match op:
        case "before":
            return lambda value, now: isinstance(value, datetime) and value < moment
        case "after":
            return lambda value, now: isinstance(value, datetime) and value > moment
        case "within_last":
            return lambda value, now: isinstance(value, datetime) and now - span < value <= now
        case "within_next":
            return lambda value, now: isinstance(value, datetime) and now < value <= now + span
        case _:
            return lambda value, now: isinstance(value, datetime) and value <= now - span


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
