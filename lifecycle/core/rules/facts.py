"""What a rule is evaluated on, and what it needs to know."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class EventFact:
    at: datetime
    properties: Mapping[str, Any]
    id: Any = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one lead: values by field name, events by kind in any order, when the enrollment began."""

    fields: Mapping[str, Any]
    events: Mapping[str, Sequence[EventFact]]
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventNeed:
    """Events of this kind must be in the facts: all, or those within a time, or those since the enrollment."""

    kind: str
    within: timedelta | None = None
    since_enrollment: bool = False


@dataclass(frozen=True, slots=True)
class Needs:
    """The facts that one or more rules read. A time-dependent rule may change its answer without any new fact."""

    fields: frozenset[str] = frozenset()
    events: tuple[EventNeed, ...] = ()
    time_dependent: bool = False

    def merge(self, *others: "Needs") -> "Needs":
        """The needs of several rules together; an event need that another one covers is left out."""
        every = (self, *others)
        return Needs(
            fields=frozenset().union(*(needs.fields for needs in every)),
            events=_widest(event for needs in every for event in needs.events),
            time_dependent=any(needs.time_dependent for needs in every),
        )


def _widest(needs: Iterable[EventNeed]) -> tuple[EventNeed, ...]:
    by_kind: dict[str, set[EventNeed]] = {}
    for need in needs:
        by_kind.setdefault(need.kind, set()).add(need)
    kept: list[EventNeed] = []
    for kind in sorted(by_kind):
        wanted = by_kind[kind]
        everything = EventNeed(kind)
        if everything in wanted:
            kept.append(everything)
            continue
        spans = [need.within for need in wanted if need.within is not None]
        if spans:
            kept.append(EventNeed(kind, within=max(spans)))
        if any(need.since_enrollment for need in wanted):
            kept.append(EventNeed(kind, since_enrollment=True))
    return tuple(kept)
