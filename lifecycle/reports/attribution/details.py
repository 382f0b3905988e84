"""What stands behind a credit: conversions with their paths, touch by touch, and what each model gave and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from leads.models import Conversion, Touch
from leads.models.conversion import OF_PAYMENTS
from lifecycle.core import sql
from lifecycle.reports.attribution import reading
from lifecycle.reports.attribution.adding import Credit, shares
from lifecycle.reports.attribution.dimensions import DIMENSIONS
from lifecycle.reports.attribution.models import MODELS, roles
from lifecycle.reports.attribution.paths import Journey, counted
from lifecycle.reports.attribution.questions import Question
from lifecycle.reports.attribution.won import Net, Won

PAGE = 20
# Of a path with more, the first and the last are shown.
MOST_TOUCHES = 60
_BEHIND = """
    SELECT c.id FROM leads_conversion c WHERE {which} AND {touched} ORDER BY c.occurred_at DESC, c.id DESC
    LIMIT %b OFFSET %b
"""
_TOUCHED = """
    EXISTS (SELECT FROM leads_touch t
            WHERE t.lead_id = c.lead_id AND {counts} AND t.occurred_at <= c.occurred_at {lookback} {value})
"""


@dataclass(frozen=True, slots=True)
class Step:
    """A touch of a path: what it was, and what each model gives it. `value` is that of the question's dimension."""

    at: datetime
    touch: str
    kind: str
    value: str
    landed: str
    roles: Sequence[str]
    given: Mapping[str, Credit]


@dataclass(frozen=True, slots=True)
class Explained:
    """A conversion with its path, oldest touch first; without any it is unattributed. `net` None: no amount."""

    id: int
    lead_id: int
    who: str
    kind: str
    key: str
    at: datetime
    currency: str
    net: Net | None
    steps: Sequence[Step]
    hidden: int


def behind(asked: Question, value: str | None, *, page: int = 1) -> tuple[list[Explained], bool]:
    """The newest conversions that a touch of this value led to (None: that no touch did), and whether there are more.

    Five queries, whatever there is.
    """
    which, given = reading.which_conversions(asked)
    touched, further = _touched(asked, value)
    statement = _BEHIND.format(which=which, touched=touched)
    ids = [pk for (pk,) in sql.fetch(statement, [*given, *further, PAGE + 1, (page - 1) * PAGE])]
    return explain(asked, ids[:PAGE]), len(ids) > PAGE


def explain(asked: Question, ids: Sequence[int]) -> list[Explained]:
    """These conversions, in this order, each under the rules of the question. Four queries."""
    if not ids:
        return []
    refunds = reading.refunds_of(ids)
    found = {won.id: won for won in reading.won(ids, refunds)}
    rows = Conversion.objects.select_related("lead").in_bulk(list(ids))
    lead_ids = {won.lead_id for won in found.values()}
    touches = {key: list(each) for key, each in groupby(_touches(asked, lead_ids), attrgetter("lead_id"))}
    return [_explained(asked, rows[pk], found[pk], touches.get(found[pk].lead_id, [])) for pk in ids if pk in found]


def of_lead(asked: Question, lead_id: int) -> list[Explained]:
    """What a person did that counts, newest first."""
    rows = Conversion.objects.filter(lead_id=lead_id).exclude(kind__in=OF_PAYMENTS)
    return explain(asked, list(rows.order_by("-occurred_at", "-id").values_list("pk", flat=True)[:PAGE]))


def _touched(asked: Question, value: str | None) -> tuple[str, list[Any]]:
    lookback, values = "", []
    if asked.lookback is not None:
        lookback, values = "AND t.occurred_at >= c.occurred_at - %b::interval", [asked.lookback]
    if value is None:
        return f"NOT {_TOUCHED.format(counts=reading.COUNTS, lookback=lookback, value='')}", values
    clause, given = DIMENSIONS[asked.by].clause()
    return _TOUCHED.format(counts=reading.COUNTS, lookback=lookback, value=f"AND {clause} = %b::text"), [
        *values,
        *given,
        value,
    ]


def _touches(asked: Question, lead_ids: Iterable[int]) -> Iterable[Any]:
    """The people's touches with their traits and values, in the order of the paths."""
    clause, given = DIMENSIONS[asked.by].clause()
    names = [field.column for field in Touch._meta.concrete_fields]
    columns = ", ".join(f"t.{name}" for name in names)
    rows = sql.fetch(
        f"SELECT {reading.TRAITS}, {clause}, {columns} FROM leads_touch t "  # noqa: S608 (our own text)
        f"WHERE t.lead_id = ANY(%b::bigint[]) AND {reading.COUNTS} ORDER BY t.lead_id, t.occurred_at, t.id",
        [*given, list(lead_ids)],
    )
    for traits, value, *columns_of in rows:
        touch: Any = Touch.from_db("default", [field.attname for field in Touch._meta.concrete_fields], columns_of)
        touch.traits, touch.value = traits, value
        yield touch


def _explained(asked: Question, row: Conversion, won: Won, touches: Sequence[Any]) -> Explained:
    steps = _steps(asked, won, touches)
    hidden = max(0, len(steps) - MOST_TOUCHES)
    if hidden:
        steps = [*steps[: MOST_TOUCHES // 2], *steps[-MOST_TOUCHES // 2 :]]
    return Explained(
        id=row.pk,
        lead_id=row.lead_id,
        who=row.lead.full_name or row.lead.email,
        kind=row.get_kind_display(),
        key=row.key,
        at=row.occurred_at,
        currency=row.currency,
        net=won.net,
        steps=steps,
        hidden=hidden,
    )


def _steps(asked: Question, won: Won, touches: Sequence[Any]) -> list[Step]:
    journey = Journey([touch.occurred_at.timestamp() for touch in touches], [touch.traits for touch in touches])
    found = counted(
        journey,
        at=won.at,
        became_sql=won.became_sql,
        lookback=asked.lookback.total_seconds() if asked.lookback is not None else None,
        skip_direct=asked.skips_direct,
    )
    if found is None:
        return []
    left = won.net.left if won.net else 0
    given = {name: shares(MODELS[name], found.path, asked.half_life.total_seconds(), left) for name in asked.models}
    return [
        _step(asked, touches[place], words, {name: Credit(*pair) for name, pair in zip(given, columns, strict=True)})
        for place, words, columns in zip(
            found.places,
            roles(found.path),
            zip(*(zip(money, counts, strict=True) for money, counts in given.values()), strict=True),
            strict=True,
        )
    ]


def _step(asked: Question, touch: Any, words: Sequence[str], given: Mapping[str, Credit]) -> Step:
    return Step(
        at=touch.occurred_at.astimezone(UTC),
        touch=str(touch),
        kind=f"{touch.kind} {touch.form}".strip(),
        value=DIMENSIONS[asked.by].label_of(touch.value),
        landed=touch.landing_path or touch.mail,
        roles=words,
        given=given,
    )
