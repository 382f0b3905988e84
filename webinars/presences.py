"""How long somebody was there, from what was told of their coming and going. Pure.

What is told may be doubled, out of order or incomplete: people join from two devices at once, lose their connection,
and the word that they left gets lost. The time that counts is the union of their stays.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Told:
    """A stay, one end of a stay, or only how long it was. `connection`: the two ends of a stay have the same."""

    joined_at: datetime | None = None
    left_at: datetime | None = None
    connection: str = ""
    seconds: int | None = None


def attended_seconds(told: Iterable[Told], session: Span) -> int:
    """Whole seconds of presence. An end that nobody told of is that of the session.

    Lengths without times are added up; where there are times as well, the longer of the two counts.
    """
    rows = list(told)
    total = timedelta()
    for start, end in union(spans(rows, session)):
        total += end - start
    return max(int(total.total_seconds()), sum(row.seconds or 0 for row in rows))


def spans(told: Iterable[Told], session: Span) -> Iterator[Span]:
    """The stays in no order; they may overlap. One that ends before it begins is none."""
    connections: dict[str, tuple[set[datetime], set[datetime]]] = {}
    for row in told:
        if row.joined_at and row.left_at:
            if row.joined_at < row.left_at:
                yield row.joined_at, row.left_at
        elif row.joined_at or row.left_at:
            joins, leaves = connections.setdefault(row.connection, (set(), set()))
            if row.joined_at:
                joins.add(row.joined_at)
            if row.left_at:
                leaves.add(row.left_at)
    for joins, leaves in connections.values():
        yield from _paired(joins, leaves, session)


def union(stays: Iterable[Span]) -> Iterator[Span]:
    """The same time in spans that do not touch, in order."""
    current: Span | None = None
    for start, end in sorted(stays):
        if current is None or start > current[1]:
            if current:
                yield current
            current = (start, end)
        else:
            current = (current[0], max(current[1], end))
    if current:
        yield current


def _paired(joins: set[datetime], leaves: set[datetime], session: Span) -> Iterator[Span]:
    """The stays of one connection, from the times at which it came and went.

    Coming twice without going between is one stay. Going without having come is a stay from the session's beginning.
    """
    began: datetime | None = None
    is_first = True
    for moment in sorted(joins | leaves):
        if moment not in leaves:
            began = began or moment
        else:
            if is_first and moment not in joins:
                began = session[0]
            if began and began < moment:
                yield began, moment
            # Coming in the very second of going: the connection goes on.
            began = moment if began and moment in joins else None
        is_first = False
    if began and began < session[1]:
        yield began, session[1]
