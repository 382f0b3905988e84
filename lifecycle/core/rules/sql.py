"""A rule as a Django `Q`. Each part is true or false, never NULL, so that "not" means the same as in Python."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    BooleanField,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    JSONField,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
)
from django.db.models import lookups as compare
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from . import moments
from .folding import fold, folded_for
from .operators import NEGATIVE
from .tree import Comparison, EventTest, FieldTest, Group, Node, Not
from .vocabulary import Field

Moment = datetime | Combinable


@dataclass(frozen=True, slots=True)
class Binding:
    """What the tree is compiled against: the moment, the event table, and how an event refers to the row tested."""

    now: datetime
    events: QuerySet[Any] | None
    lead_ref: str
    since: Moment | None


def condition(node: Node, binding: Binding) -> Q:
    """The node as a filter on a lead queryset."""
    match node:
        case FieldTest():
            field = node.field
            return _comparison(source_of(field), node.comparison, binding.now)
        case EventTest():
            return _event_condition(node, binding)
        case Group():
            parts = (condition(part, binding) for part in node.parts)
            return Q(*parts, _connector=Q.AND if node.word == "all" else Q.OR)
        case Not():
            return ~condition(node.part, binding)


def source_of(field: Field) -> "_Column | _Member":
    """Where a field's value stands."""
    return _Column(field) if field.member is None else _Member(field.path, field.member)


def counted_events(test: EventTest, binding: Binding) -> QuerySet[Any]:
    """The events of the row's lead that count at the moment of the binding."""
    if binding.events is None:
        raise ValueError("the rule tests events: give the events queryset")
    events = binding.events.filter(lead_id=OuterRef(binding.lead_ref), kind=test.kind, occurred_at__lte=binding.now)
    after = _after(test, binding)
    if after is not None:
        events = events.filter(occurred_at__gt=after)
    for where in test.where:
        events = events.filter(_comparison(_Member("properties", where.name), where.comparison, binding.now))
    return events


def _event_condition(test: EventTest, binding: Binding) -> Q:
    events = counted_events(test, binding)
    holds = Q()
    if test.low:
        holds &= Q(Exists(events))
    if test.low > 1:
        # The plain Exists above lets the planner start from the events; this one is asked only of those it leaves.
        holds &= Q(Exists(events[test.low - 1 : test.low]))
    if test.high is not None:
        holds &= ~Q(Exists(events[test.high : test.high + 1]))
    return holds


def _after(test: EventTest, binding: Binding) -> Moment | None:
    if test.within is not None:
        return binding.now - test.within
    if not test.since_enrollment:
        return None
    if binding.since is None:
        raise ValueError("the rule counts events since the enrollment: give since")
    return binding.since


@dataclass(frozen=True, slots=True)
class _Column:
    """A plain column, which holds one type by itself."""

    field: Field

    def present(self, kind: str) -> Q:
        column = self._column()
        known = Q(compare.IsNull(column, False))
        if kind == "presence" and self.field.type in ("text", "choice"):
            return known & ~Q(compare.Exact(column, Value("")))
        return known

    def _column(self) -> Any:
        own = F(self.field.path)
        return Coalesce(own, F(self.field.otherwise)) if self.field.otherwise else own

    def value(self, comparison: Comparison) -> Any:
        column = self._column()
        if comparison.kind != "text":
            return column
        if self.field.folded:
            return ExpressionWrapper(column, output_field=TextField())
        return folded_for(column, _folded(comparison))


@dataclass(frozen=True, slots=True)
class _Member:
    """A member of a JSON object, which may be of any type or absent."""

    path: str
    name: str

    def present(self, kind: str) -> Q:
        as_text = self._member("->>", TextField())  # NULL for a missing member and for JSON null
        known = Q(compare.IsNull(as_text, False))
        if kind == "presence":
            return known & ~Q(compare.Exact(as_text, ""))
        return known & self._is("string" if kind == "text" else kind)

    def value(self, comparison: Comparison) -> Any:
        if comparison.kind == "datetime":
            return moments.Moment(self._member("->>", TextField()))
        if comparison.kind == "text":
            return folded_for(self._member("->>", TextField()), _folded(comparison))
        return self._json()  # jsonb orders numbers as numeric, so no cast can fail or round

    def _is(self, json_type: str) -> Q:
        type_of: Func = Func(self._json(), function="jsonb_typeof", output_field=TextField())
        return Q(compare.Exact(type_of, json_type))

    def _json(self) -> Func:
        return self._member("->", JSONField())

    def _member(self, arrow: str, holds: Any) -> Func:
        # The cast makes a name like "0" a member's name, not an array's index.
        name: Func = Func(Value(self.name), template="%(expressions)s::text", output_field=TextField())
        return Func(F(self.path), name, template="(%(expressions)s)", arg_joiner=f" {arrow} ", output_field=holds)


def _comparison(source: _Column | _Member, comparison: Comparison, now: datetime) -> Q:
    positive = NEGATIVE.get(comparison.op)
    if positive is not None:
        return ~_positive(source, comparison, positive, now)
    return _positive(source, comparison, comparison.op, now)


def _positive(source: _Column | _Member, comparison: Comparison, op: str, now: datetime) -> Q:
    if comparison.kind == "datetime" and isinstance(source, _Member):
        return _read_time_test(source.value(comparison), op, comparison.value, now)
    present = source.present(comparison.kind)
    if comparison.kind == "presence":
        return present
    if comparison.kind == "datetime":
        return present & _time_test(source.value(comparison), op, comparison.value, now)
    return present & Q(_lookup(source.value(comparison), comparison, op))


def _lookup(left: Any, comparison: Comparison, op: str) -> Any:
    value: Any = comparison.value
    if comparison.kind == "text":
        value = tuple(sorted(_folded(comparison)))
        value = value if op == "in" else value[0]
    match op:
        case "eq":
            return compare.Exact(left, value)
        case "is_true" | "is_false":
            return compare.Exact(left, op == "is_true")
        case "in":
            # As values of their own type: the column's would turn 0.1 into the integer 0.
            return compare.In(left, [Value(one) for one in value] if isinstance(left, F | Coalesce) else list(value))
        case "between":
            return Q(compare.GreaterThanOrEqual(left, value[0]), compare.LessThanOrEqual(left, value[1]))
        case _:
            return _LOOKUPS[op](left, value)


def _time_test(left: Any, op: str, value: Any, now: datetime) -> Q:
    match op:
        case "before":
            return Q(compare.LessThan(left, value))
        case "after":
            return Q(compare.GreaterThan(left, value))
        case "within_last":
            return _between(left, now - value, now)
        case "within_next":
            return _between(left, now, now + value)
        case _:
            return Q(compare.LessThanOrEqual(left, now - value))


def _read_time_test(moment: Any, op: str, value: Any, now: datetime) -> Q:
    """For an instant that has to be read from a text first, and is no NULL-free column."""
    base, span = (now, value) if isinstance(value, timedelta) else (value, timedelta(0))
    answer = f"coalesce({_READ_TIME[op]}, false)"
    return Q(moments.asked(moment, base, span, answer=answer, holds=BooleanField()))


def _between(left: Any, after: datetime, until: datetime) -> Q:
    return Q(compare.GreaterThan(left, after), compare.LessThanOrEqual(left, until))


def _folded(comparison: Comparison) -> set[str]:
    value: Any = comparison.value
    return {fold(one) for one in (value if isinstance(value, tuple) else (value,))}


_READ_TIME = {
    "before": "m < a",
    "after": "m > a",
    "within_last": "m > a - s AND m <= a",
    "within_next": "m > a AND m <= a + s",
    "older_than": "m <= a - s",
}
_LOOKUPS: dict[str, Any] = {
    "contains": compare.Contains,
    "starts_with": compare.StartsWith,
    "ends_with": compare.EndsWith,
    "lt": compare.LessThan,
    "lte": compare.LessThanOrEqual,
    "gt": compare.GreaterThan,
    "gte": compare.GreaterThanOrEqual,
}
