"""Every row that hangs on a lead, in every app, moves to another lead and back. New tables come along by themselves."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from graphlib import TopologicalSorter
from typing import Any, NamedTuple

import pgtrigger
from django.db import DatabaseError, connection, transaction
from django.db.models import ForeignKey, ForeignObjectRel, Model, UniqueConstraint

from leads.models import Lead, PossibleDuplicate
from lifecycle.core import sql

# Pairs of leads are moved by `leads.identity.merging.pairs`.
_BY_HAND = frozenset({PossibleDuplicate})


class Hanging(NamedTuple):
    """A table with a column that names a lead, and the columns that make a row unique within one lead."""

    model: type[Model]
    table: str
    key: str
    column: str
    uniques: tuple[tuple[str, ...], ...]


@contextmanager
def guards_lifted() -> Iterator[None]:
    """Insert-only and set-once are lifted for this transaction, also for statements past Django's cursor.

    Their return takes a statement: what fails inside is rolled back before it, or nobody would see why it failed.
    """
    with pgtrigger.ignore(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        yield


@cache
def hanging() -> tuple[Hanging, ...]:
    """All tables that hang on a lead; what others refer to comes first, so that rows are locked in one order."""
    fields = [
        relation.field
        for relation in Lead._meta.get_fields(include_hidden=True)
        if isinstance(relation, ForeignObjectRel)
        and isinstance(relation.field, ForeignKey)
        and relation.related_model not in _BY_HAND
    ]
    models = {field.model for field in fields}
    before = {
        model: {other for other in _refers_to(model) if other in models and other is not model} for model in models
    }
    order = list(TopologicalSorter(before).static_order())
    fields.sort(key=lambda field: (order.index(field.model), field.name))
    return tuple(_hanging(field) for field in fields)


def move(one: Hanging, *, source: int, target: int) -> tuple[list[Any], list[dict[str, Any]]]:
    """Move a table's rows; the ids of those that moved, and the rows that had no place beside the target's own."""
    dropped = []
    for columns in one.uniques:
        same = " AND ".join(f"a.{column} IS NOT DISTINCT FROM b.{column}" for column in columns)
        statement = (
            f"DELETE FROM {one.table} a USING {one.table} b "  # noqa: S608 (names of our own)
            f"WHERE a.{one.column} = %b AND b.{one.column} = %b AND {same or 'true'} RETURNING to_jsonb(a)"
        )
        dropped += [row[0] for row in sql.fetch(statement, [source, target])]
    return _set(one, "", [target, source]), dropped


def move_back(one: Hanging, ids: Sequence[Any], *, source: int, target: int) -> list[Any]:
    """Move these rows from the lead they are with; the ids of those that were still there."""
    return _set(one, f"AND {one.key} = ANY(%b::bigint[])", [target, source, list(ids)])


def count(lead_id: int) -> dict[str, int]:
    """How many rows hang on a lead, by the plural name of what they are; what there is none of is left out."""
    tables = hanging()
    looks = " UNION ALL ".join(
        f"SELECT {place}, count(*) FROM {one.table} WHERE {one.column} = %b"  # noqa: S608
        for place, one in enumerate(tables)
    )
    counted = sql.fetch(looks, [lead_id] * len(tables))
    return {names()[tables[place].table]: number for place, number in counted if number}


def names() -> dict[str, str]:
    """What the rows of each table are called."""
    return {one.table: str(one.model._meta.verbose_name_plural) for one in hanging()}


def insert(table: str, row: Mapping[str, Any]) -> bool:
    """Put back a row as it was; False if something it needs is gone or its place is taken."""
    columns = ", ".join(f'"{column}"' for column in row)
    statement = (
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{table}, %b::text::jsonb)"  # noqa: S608
    )
    try:
        with transaction.atomic():
            sql.execute(statement, [sql.to_json(row)])
            sql.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what it refers to may be gone
            sql.execute("SET CONSTRAINTS ALL DEFERRED")
    except DatabaseError:
        return False
    return True


def _set(one: Hanging, condition: str, parameters: list[Any]) -> list[Any]:
    statement = f"UPDATE {one.table} SET {one.column} = %b WHERE {one.column} = %b {condition} RETURNING {one.key}"  # noqa: S608
    return [row[0] for row in sql.fetch(statement, parameters)]


def _hanging(field: "ForeignKey[Any, Any]") -> Hanging:
    model: type[Model] = field.model
    meta = model._meta
    assert meta.pk is not None
    uniques = [
        tuple(str(meta.get_field(name).column) for name in constraint.fields if name != field.name)  # type: ignore[union-attr]
        for constraint in meta.constraints
        if isinstance(constraint, UniqueConstraint) and constraint.condition is None and field.name in constraint.fields
    ]
    return Hanging(model, meta.db_table, str(meta.pk.column), str(field.column), tuple(uniques))


def _refers_to(model: type[Model]) -> Iterator[type[Model]]:
    for field in model._meta.concrete_fields:
        if isinstance(field, ForeignKey):
            yield field.related_model
