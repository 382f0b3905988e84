"""What a rule would do, while it is being written: how many it holds for, ten of them, and why."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from psycopg import errors

from leads.facts import EventFacts
from leads.models import Event, Lead
from leads.rule_fields import VOCABULARY, lead_fields
from lifecycle.core import sql
from lifecycle.core.rules import Facts, Rule

SHOWN = 10
PATIENCE = timedelta(seconds=1)
# So many leads, taken page by page from everywhere in the table, stand for all of them.
SAMPLE = 10_000
_FOUND = """
    WITH matching (id) AS MATERIALIZED ({wanted})
    SELECT (SELECT count(*) FROM matching), ARRAY(SELECT id FROM matching ORDER BY id DESC LIMIT %s)
"""
_SIZE = "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'leads_lead'::regclass"
_PATIENCE = "SELECT current_setting('statement_timeout'), set_config('statement_timeout', %b, true)"
_PAGES = "SELECT id FROM leads_lead TABLESAMPLE SYSTEM (%s) REPEATABLE (7)"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody the rule holds for; `why` are the tests that made it hold, with what they saw."""

    lead_id: int
    email: str
    name: str
    stage: str
    score: int
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """`count` is an estimate where counting would have taken longer than `PATIENCE`."""

    sentence: str
    count: int
    is_exact: bool
    people: tuple[Person, ...]


class _Impatient(Exception):
    """The statement took too long."""


def count(rule: Rule, *, now: datetime) -> int:
    """How many leads the rule holds for, however long that takes."""
    return _matching(rule, now).count()


def preview(rule: Rule, *, now: datetime, patience: timedelta = PATIENCE) -> Preview:
    """How many the rule holds for, and the newest of them: at most three statements that take `patience`."""
    matching = _matching(rule, now)
    try:
        with _within(patience):
            number, ids = _found(matching)
        is_exact = True
    except _Impatient:
        number, ids = _estimated(matching, patience)
        is_exact = False
    return Preview(rule.english(), number, is_exact, _people(rule, ids, now))


def _matching(rule: Rule, now: datetime) -> "QuerySet[Lead]":
    return Lead.objects.filter(rule.q(now, events=Event.objects.all())).order_by()


def _found(leads: "QuerySet[Lead]") -> tuple[int, list[int]]:
    try:
        wanted, parameters = leads.values_list("pk").query.sql_with_params()
    except EmptyResultSet:
        return 0, []
    with connection.cursor() as cursor:
        cursor.execute(_FOUND.format(wanted=wanted), [*parameters, SHOWN])
        number, ids = cursor.fetchone()
    return number, ids


def _estimated(leads: "QuerySet[Lead]", patience: timedelta) -> tuple[int, list[int]]:
    """From a sample of the people; if that takes too long as well, as the planner guesses."""
    size = sql.fetch(_SIZE)[0][0]
    share = min(100.0, 100.0 * SAMPLE / max(size, 1))
    pages = RawSQL(_PAGES, [share])  # noqa: S611 - a number of ours
    try:
        with _within(patience):
            number, ids = _found(leads.filter(pk__in=pages))
            looked_at = Lead.objects.filter(pk__in=pages).count()
        return round(number * size / max(looked_at, 1)), ids
    except _Impatient:
        plan = json.loads(leads.explain(format="json"))
        return int(plan[0]["Plan"]["Plan Rows"]), []


def _people(rule: Rule, ids: Sequence[int], now: datetime) -> tuple[Person, ...]:
    if not ids:
        return ()
    columns = ("pk", "email", "first_name", "last_name", "stage", "score", *VOCABULARY.columns())
    rows = Lead.objects.filter(pk__in=ids).order_by("-pk").values(*dict.fromkeys(columns))
    events = EventFacts(dict.fromkeys(ids, now))
    events.load(rule.needs())
    return tuple(_person(rule, row, Facts(lead_fields(row), events.of(row["pk"])), now) for row in rows)


def _person(rule: Rule, row: dict[str, Any], facts: Facts, now: datetime) -> Person:
    seen = rule.explain(facts, now).decisive()
    why = tuple(f"{check.text}: {check.value}" if check.value else check.text for check in seen)
    name = f"{row['first_name']} {row['last_name']}".strip()
    return Person(row["pk"], row["email"], name, row["stage"], row["score"], why)


@contextmanager
def _within(patience: timedelta) -> Iterator[None]:
    """Statements inside may take that long. _Impatient when one took longer; nothing else is left of it."""
    milliseconds = str(max(1, round(patience.total_seconds() * 1000)))
    try:
        with transaction.atomic():
            before = sql.fetch(_PATIENCE, [milliseconds])[0][0]
            yield
            sql.fetch(_PATIENCE, [before])
    except OperationalError as error:
        if isinstance(error.__cause__, errors.QueryCanceled):
            raise _Impatient from error
        raise
