"""`changing` in SQL, for building a whole segment: coarser where that keeps the statement small, never later.

Of a group the parts that time never changes are asked first: where they decide, there is nothing to wait for.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, DateTimeField, Exists, ExpressionWrapper, F, Q, Subquery, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Least

from . import moments
from .operators import RELATIVE
from .sql import Binding, condition, counted_events, source_of
from .tree import EventTest, FieldTest, Group, Node, Not

_NEVER = Value(None, output_field=DateTimeField())
# The first of a test's turns that is yet to come.
_TURNS = {
    "older_than": "CASE WHEN m + s > a THEN m + s END",
    "within_last": "CASE WHEN m > a THEN m WHEN m + s > a THEN m + s END",
    "within_next": "CASE WHEN m - s > a THEN m - s WHEN m > a THEN m END",
}


def change(node: Node, binding: Binding) -> Combinable | None:
    """When time alone may next change the node for a row (NULL: never); None if it never does for any."""
    match node:
        case FieldTest():
            return _field_change(node, binding.now)
        case EventTest():
            return _event_change(node, binding)
        case Group():
            return _group_change(node, binding)
        case Not():
            return change(node.part, binding)


def _field_change(test: FieldTest, now: datetime) -> Combinable | None:
    if test.comparison.op not in RELATIVE:
        return None
    at, span = source_of(test.field).value(test.comparison), test.comparison.value
    assert isinstance(span, timedelta)
    return moments.asked(at, now, span, answer=_TURNS[test.comparison.op], holds=DateTimeField())


def _event_change(test: EventTest, binding: Binding) -> Combinable | None:
    if any(where.comparison.op in RELATIVE for where in test.where):
        return _look_at_once(test, binding)
    if test.within is None:
        return None
    bounds = [bound for bound in (test.low, None if test.high is None else test.high + 1) if bound]
    newest = (
        counted_events(test, binding).order_by("-occurred_at").annotate(leaves=_moved(F("occurred_at"), test.within))
    )
    leaving = [Subquery(newest.values("leaves")[bound - 1 : bound]) for bound in bounds]
    return _least(leaving)


def _look_at_once(test: EventTest, binding: Binding) -> Combinable:
    """Dates among the properties turn each at its own time: whoever has such an event is looked at by itself."""
    bare = EventTest(test.kind, (), "at_least", 1)
    return Case(When(Exists(counted_events(bare, binding)), then=Value(binding.now)), default=_NEVER)


def _group_change(group: Group, binding: Binding) -> Combinable | None:
    parts = [(part, change(part, binding)) for part in group.parts]
    moving = [turn for _, turn in parts if turn is not None]
    if not moving:
        return None
    steady = [condition(part, binding) for part, turn in parts if turn is None]
    if not steady:
        return _least(moving)
    if group.word == "all":
        return Case(When(Q(*steady), then=_least(moving)), default=_NEVER)
    return Case(When(Q(*steady, _connector=Q.OR), then=_NEVER), default=_least(moving))


def _least(moments: list[Any]) -> Combinable:
    """The earliest that is not NULL."""
    return moments[0] if len(moments) == 1 else Least(*moments)


def _moved(at: Any, span: timedelta) -> Combinable:
    return ExpressionWrapper(at + Value(span), output_field=DateTimeField()) if span else at
