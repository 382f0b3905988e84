"""A checked rule, ready to be asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.expressions import Combinable

from lifecycle.core import durations

from . import changing, english, evaluating, explaining, sql, sql_changing
from .facts import EventNeed, Facts, Needs
from .operators import RELATIVE
from .tree import ALWAYS, Comparison, EventTest, FieldTest, Group, Node, Not, PropertyTest

VERSION = 1


@dataclass(frozen=True)
class Rule:
    """An immutable condition on a lead. `parse` makes one; equal rules are equal and hash alike."""

    root: Node

    def matches(self, facts: Facts, now: datetime) -> bool:
        """Whether the rule holds for these facts at this moment. LookupError if the facts lack a field it names."""
        return self._check(facts, now)

    def explain(self, facts: Facts, now: datetime) -> explaining.Check:
        """Each test of the rule with the value it saw and its outcome."""
        return explaining.explain(self.root, facts, now)

    def q(
        self,
        now: datetime,
        events: QuerySet[Any] | None = None,
        lead_ref: str = "pk",
        since: sql.Moment | None = None,
    ) -> Q:
        """The rule as a filter for a lead queryset; it never multiplies rows.

        `events` is the event log (columns lead_id, kind, properties, occurred_at), needed if the rule tests events;
        `lead_ref` leads from the filtered row to the lead's id; `since` is the enrollment's start, or `OuterRef` to it.
        """
        return sql.condition(self.root, sql.Binding(now, events, lead_ref, since))

    def next_change(self, facts: Facts, now: datetime) -> datetime | None:
        """A moment after `now` before which time alone cannot change what `matches` says; None if it never can.

        Looking then is never too late; it may be too early, so ask again. LookupError as for `matches`.
        """
        return self._change(facts, now) if self._change else None

    def next_change_in_sql(self, now: datetime, events: QuerySet[Any] | None = None) -> Combinable | None:
        """The same for a lead queryset, as an expression (NULL: never), perhaps earlier; None if never for anybody.

        Events that are dated in the future are left out.
        """
        return sql_changing.change(self.root, sql.Binding(now, events, "pk", None))

    def english(self) -> str:
        """The rule as a sentence for marketers."""
        return english.sentence(self.root)

    def needs(self) -> Needs:
        """The facts that `matches` reads."""
        return self._needs

    @property
    def always(self) -> bool:
        """Whether this is the rule that holds for everyone."""
        return self.root == ALWAYS

    @cached_property
    def data(self) -> dict[str, Any]:
        """The rule as normalised JSON that `parse` reads back to an equal rule. Do not change it."""
        return {"version": VERSION} | ({} if self.always else _node_data(self.root))

    @cached_property
    def _check(self) -> evaluating.Check:
        return evaluating.compile_check(self.root)

    @cached_property
    def _change(self) -> changing.Change | None:
        return changing.compile_change(self.root)

    @cached_property
    def _needs(self) -> Needs:
        return Needs().merge(*(_test_needs(test) for test in _tests(self.root)))


def _tests(node: Node) -> Iterator[FieldTest | EventTest]:
    match node:
        case Not():
            yield from _tests(node.part)
        case Group():
            for part in node.parts:
                yield from _tests(part)
        case _:
            yield node


def _test_needs(test: FieldTest | EventTest) -> Needs:
    if isinstance(test, FieldTest):
        return Needs(fields=frozenset({test.field.name}), time_dependent=test.comparison.op in RELATIVE)
    need = EventNeed(test.kind, test.within, test.since_enrollment)
    moving = test.within is not None or any(where.comparison.op in RELATIVE for where in test.where)
    return Needs(events=(need,), time_dependent=moving)


def _node_data(node: Node) -> dict[str, Any]:
    match node:
        case Group():
            return {node.word: [_node_data(part) for part in node.parts]}
        case Not():
            return {"not": _node_data(node.part)}
        case FieldTest():
            return {"field": node.field.name} | _comparison_data(node.comparison)
        case EventTest():
            return _event_data(node)


def _event_data(test: EventTest) -> dict[str, Any]:
    data: dict[str, Any] = {"event": test.kind}
    if test.where:
        data["where"] = [_property_data(where) for where in test.where]
    data[test.count_word] = test.count
    if test.within is not None:
        data["within"] = durations.format(test.within)
    if test.since_enrollment:
        data["since"] = "enrollment"
    return data


def _property_data(test: PropertyTest) -> dict[str, Any]:
    return {"property": test.name} | _comparison_data(test.comparison)


def _comparison_data(comparison: Comparison) -> dict[str, Any]:
    if comparison.value is None:
        return {"op": comparison.op}
    return {"op": comparison.op, "value": _operand_data(comparison.value)}


def _operand_data(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, timedelta):
        return durations.format(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value
