"""Instants written as text in JSON, read alike in Python and in Postgres.

A date (2026-12-21, which is its midnight in UTC) or a time with its offset (2026-12-21T09:00:00Z, …T09:00+01:00), of
the years 1900 to 2999. Any other text is no instant, and a test on time takes it for missing.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, Field, Func, Value
from django.db.models.expressions import Combinable

_DAY = "(19|2[0-9])[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,6})?)?"
_OFFSET = "(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
_SHAPE = f"{_DAY}(T{_CLOCK}{_OFFSET})?"
_READ = re.compile(_SHAPE)


def read(value: Any) -> datetime | None:
    """The instant in UTC; None if the value is none."""
    if not isinstance(value, str) or not _READ.fullmatch(value):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:  # the 30th of February
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


class Moment(Func):
    """SQL that reads a text so; NULL if it is no instant. The CASE keeps the cast from what it would choke on."""

    template = (
        f"(SELECT CASE WHEN t ~ '^{_SHAPE}$' AND pg_input_is_valid(left(t, 10), 'date')"  # noqa: S608 - ours
        " THEN (CASE WHEN length(t) = 10 THEN t || 'T00:00Z' ELSE t END)::timestamptz END"
        " FROM (SELECT %(expressions)s AS t OFFSET 0) AS read)"
    )
    output_field = DateTimeField()


def asked(at: Combinable, base: datetime, span: timedelta, *, answer: str, holds: "Field[Any, Any]") -> Func:
    """SQL over an instant `m`, a base `a` and a span `s`, in which `m` is computed once, however often it is named."""
    of = "FROM (SELECT %(expressions)s OFFSET 0) AS read (m, a, s)"
    return Func(at, Value(base), Value(span), template=f"(SELECT {answer} {of})", output_field=holds)
