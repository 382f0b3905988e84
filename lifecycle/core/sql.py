"""Set-based SQL on Django's own connection and transaction, at the driver's speed.

Django's cursor writes parameters into the text of the statement; for arrays of hundreds of values that costs three
times what the driver's binary arrays cost (`unnest(%b::bigint[], …)`). Nothing is prepared, so PgBouncer may sit in
between; `prepare_often` and `always_prepare` change that for connections that are one's own.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec
import psycopg
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import Model
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import ExecStatus, Format

OFTEN = 5
_JSONB = psycopg.postgres.types["jsonb"].oid

Row = TypeVar("Row", bound=Model)
Parameters = Sequence[Any] | Mapping[str, Any]

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class _Jsonb(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> Any:
        return _decode(bytes(data)[1:])  # the first byte is the version of the wire format


def fetch(statement: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
    """The rows of a statement. `%b` sends a parameter in binary: use it for arrays. jsonb comes back decoded."""
    return _run(statement, parameters)[0]


def stream(statement: str, parameters: Sequence[Any] = (), *, size: int = 5_000) -> Iterator[tuple[Any, ...]]:
    """The rows of a statement as they come, so that millions fit. No other statement before the last row."""
    connection.ensure_connection()
    if connection.queries_logged:
        connection.queries_log.append({"sql": statement, "time": "0.000"})
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        yield from cursor.stream(statement, parameters, binary=True, size=size)


def one(model: type[Row], condition: str, parameters: Sequence[Any]) -> Row | None:
    """A row as its model, without the ORM's cost of making the statement; None if there is none. Joins nothing."""
    names, statement = _select(model, condition)
    rows = fetch(statement, parameters)
    return model.from_db(connection.alias, names, rows[0]) if rows else None


def execute(statement: str, parameters: Parameters = ()) -> int:
    """Run a statement that returns no rows; the number of rows it touched."""
    return _run(statement, parameters)[1]


def prepare_often() -> None:
    """Let this process's connection prepare what it runs again and again. Not through a pooler."""
    connection.ensure_connection()
    connection.connection.prepare_threshold = OFTEN


def always_prepare() -> None:
    """The same for every connection that this process is going to open: a form costs the server half as much."""
    connection_created.connect(_prepare, dispatch_uid="lifecycle.prepare")


def _prepare(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    connection.connection.prepare_threshold = OFTEN


def to_json(value: Any) -> str:
    """JSON that PostgreSQL stores: NUL and lone surrogates, which it refuses, are left out."""
    try:
        text = _encode(value).decode()
    except UnicodeEncodeError:
        return _encode(storable(value)).decode()
    return _encode(storable(value)).decode() if "\\u0000" in text else text


def storable(value: Any) -> Any:
    """The same JSON value without the characters that PostgreSQL cannot hold."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "ignore").decode()
    if isinstance(value, dict):
        return {storable(str(name)): storable(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [storable(part) for part in value]
    return value


@cache
def _select(model: type[Model], condition: str) -> tuple[list[str], str]:
    fields = model._meta.concrete_fields
    columns = ", ".join(f'"{field.column}"' for field in fields)
    names = [field.attname for field in fields]
    return names, f'SELECT {columns} FROM "{model._meta.db_table}" WHERE {condition} LIMIT 1'  # noqa: S608 - ours


def _run(statement: str, parameters: Parameters) -> tuple[list[tuple[Any, ...]], int]:
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    began = time.monotonic()
    adapters = connection.connection.adapters
    if adapters.get_loader(_JSONB, Format.BINARY) is not _Jsonb:  # once a connection; the ORM reads text
        adapters.register_loader(_JSONB, _Jsonb)
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, parameters, binary=True)
        told = cursor.pgresult  # not `description`, which makes an object of every column
        rows = cursor.fetchall() if told and told.status == ExecStatus.TUPLES_OK else []
        touched = cursor.rowcount
    if connection.queries_logged:  # so that assertNumQueries and the debug page see these queries too
        connection.queries_log.append({"sql": statement, "time": f"{time.monotonic() - began:.3f}"})
    return rows, touched
