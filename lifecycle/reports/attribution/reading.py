"""The rows behind a report: conversions with what was refunded, and the touches of their people, in one pass each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

from lifecycle.core import money, sql
from lifecycle.reports.attribution.dimensions import DIMENSIONS, Clause
from lifecycle.reports.attribution.paths import IS_DIRECT, TELLS_WHO, Journey
from lifecycle.reports.attribution.questions import Question
from lifecycle.reports.attribution.won import Net, Refund, Won, net

# By these a person only came by; all other kinds say who they are.
NAMELESS = ("visit", "click")
_WITHOUT_ORIGIN = "t.source IN ('', 'direct') AND t.medium IN ('', 'none', '(none)') AND t.campaign = ''"
# Data that came by itself, without a word about where the person came from, earns nothing; nor does a file that holds
# somebody whom we knew before.
_LISTED_AGAIN = """t.kind = 'import' AND t.medium = 'import'
    AND NOT EXISTS (SELECT FROM leads_lead b WHERE b.id = t.lead_id AND b.original_touch_id = t.id)"""
COUNTS = f"NOT (t.kind IN ('api', 'import') AND {_WITHOUT_ORIGIN}) AND NOT ({_LISTED_AGAIN})"
_TELLS_WHO = f"CASE WHEN t.kind IN {NAMELESS} THEN 0 ELSE {TELLS_WHO} END"
TRAITS = f"{_TELLS_WHO} + CASE WHEN {_WITHOUT_ORIGIN} THEN {IS_DIRECT} ELSE 0 END"
_CONVERSIONS = """
    SELECT c.id, c.lead_id, date_part('epoch', c.occurred_at), c.amount, c.currency, date_part('epoch', s.at)
    FROM leads_conversion c
    LEFT JOIN (SELECT lead_id, min(occurred_at) AS at FROM leads_conversion WHERE kind = 'sql' GROUP BY lead_id) s
        ON s.lead_id = c.lead_id
    WHERE {which} ORDER BY c.lead_id, c.occurred_at, c.id
"""
_TOUCHES = """
    SELECT t.lead_id, date_part('epoch', t.occurred_at), {traits}, {value}
    FROM leads_touch t WHERE t.lead_id IN (SELECT c.lead_id FROM leads_conversion c WHERE {which}) AND {counts} {within}
    ORDER BY t.lead_id, t.occurred_at, t.id
"""
# Of each payment asked for, and of none: what names no payment that we know is told apart.
_REFUNDS = """
    SELECT c.id, r.amount, r.currency FROM leads_conversion r
    LEFT JOIN leads_conversion c ON c.kind = 'purchase' AND c.key = r.payment
    WHERE r.kind IN ('refund', 'reversal') AND (c.id IS NULL OR {which}) ORDER BY r.occurred_at, r.id
"""


@dataclass(slots=True)
class Refunds:
    """Refunds by the id of their payment, and those of no payment that is known."""

    of: dict[int, list[Refund]] = field(default_factory=dict)
    orphans: list[Refund] = field(default_factory=list)


def conversions(asked: Question, refunds: Refunds) -> list[Won]:
    """What is asked for, by person and time. One query."""
    return _read(which_conversions(asked), refunds)


def won(ids: Sequence[int], refunds: Refunds) -> list[Won]:
    """These conversions, by person and time. One query."""
    return _read((_THESE, [list(ids)]), refunds)


def _read(clause: Clause, refunds: Refunds) -> list[Won]:
    which, values = clause
    rows = sql.fetch(_CONVERSIONS.format(which=which), values)
    return [
        Won(pk, lead_id, at, currency, _net(amount, currency, refunds.of.get(pk, ())), became_sql)
        for pk, lead_id, at, amount, currency, became_sql in rows
    ]


def refunds(asked: Question) -> Refunds:
    """Refunds of what is asked for. One query, and none for what cannot be refunded."""
    return _read_refunds(which_conversions(asked)) if asked.conversion == "purchase" else Refunds()


def refunds_of(ids: Sequence[int]) -> Refunds:
    """Refunds of these conversions. One query."""
    return _read_refunds((_THESE, [list(ids)]))


def _read_refunds(clause: Clause) -> Refunds:
    found = Refunds()
    which, values = clause
    for payment, amount, currency in sql.fetch(_REFUNDS.format(which=which), values):
        refund = Refund(amount, currency)
        found.orphans.append(refund) if payment is None else found.of.setdefault(payment, []).append(refund)
    return found


def journeys(asked: Question) -> Iterator[tuple[int, Journey, Sequence[str]]]:
    """Of each person with such a conversion and any touch: the journey, and each touch's value. One query, streamed."""
    which, values = which_conversions(asked)
    clause, clause_values = DIMENSIONS[asked.by].clause()
    within, within_values = _within(asked)
    statement = _TOUCHES.format(traits=TRAITS, value=clause, which=which, counts=COUNTS, within=within)
    rows = sql.stream(statement, [*clause_values, *values, *within_values])
    for lead_id, touches in groupby(rows, itemgetter(0)):
        _, times, traits, found = zip(*touches, strict=True)
        yield lead_id, Journey(times, traits), found


def which_conversions(asked: Question) -> Clause:
    """The condition of a question on conversions, under the alias `c`."""
    tests: list[tuple[str, Any]] = [
        ("c.kind = %b::text", asked.conversion),
        ("c.occurred_at >= %b::timestamptz", asked.since),
        ("c.occurred_at < %b::timestamptz", asked.until),
        (f"c.currency = replace(%b::text, '{money.NONE}', '')", asked.currency),
        ("c.lead_id = %b::bigint", asked.lead_id),
        (_OF_LEAD.format("audience_type"), asked.audience_type),
        (_OF_LEAD.format("primary_audience"), asked.primary_audience),
    ]
    given = [(test, value) for test, value in tests if value not in (None, "")]
    once = [_THE_FIRST] if asked.conversion in ("mql", "sql") else []
    return " AND ".join([*(test for test, _ in given), *once]), [value for _, value in given]


# Two leads that were merged may both have become one; the person did once.
_THE_FIRST = """NOT EXISTS (SELECT FROM leads_conversion o WHERE o.lead_id = c.lead_id AND o.kind = c.kind
    AND (o.occurred_at, o.id) < (c.occurred_at, c.id))"""
_THESE = "c.id = ANY(%b::bigint[])"
_OF_LEAD = "EXISTS (SELECT FROM leads_lead l WHERE l.id = c.lead_id AND l.{} = %b::text)"


def _within(asked: Question) -> Clause:
    """Touches that could count for any of them."""
    tests, values = "", []
    if asked.until is not None:
        tests, values = " AND t.occurred_at < %b::timestamptz", [asked.until]
    if asked.since is not None and asked.lookback is not None:
        tests, values = f"{tests} AND t.occurred_at >= %b::timestamptz", [*values, asked.since - asked.lookback]
    return tests, values


def _net(amount: Decimal | None, currency: str, told: Sequence[Refund]) -> Net | None:
    return None if amount is None else net(money.to_minor(amount, currency), currency, told)
