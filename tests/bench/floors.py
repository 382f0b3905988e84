"""What this machine can do at best: PostgreSQL and SMTP driven as directly as Python can."""

import os
import smtplib
import uuid
from datetime import UTC, datetime
from importlib.util import find_spec
from time import perf_counter

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import connection

from lifecycle.core import sql
from tests.bench.crafting import Specimen
from tests.bench.measuring import Results, Watch, size
from tests.bench.processes import alone, together

PIPELINED = {1: "bytes over pipelined SMTP, 1 process", 2: "bytes over pipelined SMTP, 2 processes"}
PLAIN = "plain Django, mail by mail"
POST_OFFICE = "django-post_office at its best"
COPIED, UNNESTED, SINGLE, CLAIMED = (
    "COPY, events-like rows",
    "INSERT … unnest, events-like rows",
    "INSERT one row and commit",
    "claim and advance, SKIP LOCKED",
)

BATCH = 500
SPAN = 1_000
START = datetime(2026, 3, 2, tzinfo=UTC)
_TABLE = """
    CREATE TABLE bench_event (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, lead_id bigint NOT NULL, kind text NOT NULL,
        properties jsonb NOT NULL, occurred_at timestamptz NOT NULL, key uuid NOT NULL UNIQUE, due_at timestamptz);
    CREATE INDEX ON bench_event (lead_id, kind, occurred_at);
"""
_COLUMNS = "(lead_id, kind, properties, occurred_at, key)"
_UNNEST = f"""
    INSERT INTO bench_event {_COLUMNS} SELECT lead, kind, properties::jsonb, at, key
    FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::timestamptz[], %b::uuid[]) g (lead, kind, properties, at, key)
"""
_CLAIM = """
    UPDATE bench_event SET due_at = now() + interval '1 day' WHERE id IN (
        SELECT id FROM bench_event WHERE due_at <= now() ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)
"""

Row = tuple[int, str, str, datetime, uuid.UUID]


def measure(results: Results) -> None:
    rows = size("FLOOR_ROWS", 40_000, 10_000)
    with connection.cursor() as cursor:
        cursor.execute(_TABLE)
    results.add(COPIED, _copy(rows), "rows/s", note=f"{rows:,} in one go")
    results.add(UNNESTED, _unnest(rows), "rows/s", note=f"{BATCH} a commit")
    results.add(SINGLE, _singles(rows // 40), "rows/s", note="one client")
    results.add(CLAIMED, _claims(rows), "rows/s", note=f"{SPAN} a commit")
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bench_event")


def rivals(results: Results, specimen: Specimen) -> None:
    """The same mail sent without us: as ready-made bytes, by plain Django, and by a queue that a project would pick."""
    count = size("FLOOR_MAILS", 10_000, 3_000)
    for processes, name in PIPELINED.items():
        seconds, _ = together([["smtp", str(settings.EMAIL_PORT), str(count), specimen.raw.hex()]] * processes)
        note = f"{len(specimen.raw):,} bytes each, ready-made"
        results.add(name, count * processes / seconds, "mails/s", note=note)
    note = "EmailMultiAlternatives over one open connection; no database, no template"
    results.add(PLAIN, _plain(specimen.plain, count // 10), "mails/s", note=note)
    if find_spec("post_office") is None:
        results.notes.append("django-post_office was not measured: pip install -r requirements-dev.txt")
    else:
        _post_office(results, specimen.plain)


def _post_office(results: Results, plain: EmailMultiAlternatives) -> None:
    count = size("RIVAL_MAILS", 3_000, 1_000)
    html = str(plain.alternatives[0][0])
    os.environ["BENCH_PLAIN_APPS"] = "django.contrib.contenttypes post_office"
    report = alone("rival", [str(count), str(plain.subject), str(plain.body).encode().hex(), html.encode().hex()])
    if report["left"]:
        raise RuntimeError(f"django-post_office left {report['left']} mails unsent")
    results.add(POST_OFFICE, report["rate"], "mails/s", note=f"{count:,} finished mails in its queue, 2 processes")


def _rows(count: int) -> list[Row]:
    return [(n, "pricing.viewed", '{"plan": "pro", "path": "/pricing"}', START, uuid.uuid4()) for n in range(count)]


def _copy(count: int) -> float:
    rows, watch = _rows(count), Watch()
    with connection.cursor() as cursor, watch.running(), cursor.copy(f"COPY bench_event {_COLUMNS} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    return count / watch.seconds


def _unnest(count: int) -> float:
    rows, watch = _rows(count), Watch()
    with watch.running():
        for start in range(0, count, BATCH):
            columns = [list(column) for column in zip(*rows[start : start + BATCH], strict=True)]
            sql.execute(_UNNEST, columns)
    return count / watch.seconds


def _singles(count: int) -> float:
    rows, watch = _rows(count), Watch()
    with watch.running(), connection.cursor() as cursor:
        for row in rows:
            cursor.execute(f"INSERT INTO bench_event {_COLUMNS} VALUES (%s, %s, %s, %s, %s)", row)
    return count / watch.seconds


def _claims(count: int) -> float:
    done = 0
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX ON bench_event (due_at) WHERE due_at IS NOT NULL")
        cursor.execute("UPDATE bench_event SET due_at = now() WHERE id <= %s", [count])
        cursor.execute("ANALYZE bench_event")
        began = perf_counter()
        while True:
            cursor.execute(_CLAIM, [SPAN])
            if not cursor.rowcount:
                return done / (perf_counter() - began)
            done += cursor.rowcount


def _plain(message: EmailMultiAlternatives, count: int) -> float:
    watch = Watch()
    with get_connection("django.core.mail.backends.smtp.EmailBackend") as server, watch.running():
        for _ in range(count):
            copy = EmailMultiAlternatives(message.subject, message.body, message.from_email, message.to)
            copy.extra_headers = dict(message.extra_headers)
            copy.attach_alternative(message.alternatives[0][0], "text/html")
            if server.send_messages([copy]) != 1:
                raise smtplib.SMTPException("the sink refused a mail")
    return count / watch.seconds
