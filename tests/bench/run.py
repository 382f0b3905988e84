"""The whole run, in order: the database up, the floors, ours, the table. Everything ends with it."""

import os
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections

from lifecycle import postgres
from lifecycle.core import clock
from lifecycle.playbooks import loading
from tests.bench import (
    accepting,
    broadcasting,
    crafting,
    crediting,
    engaging,
    floors,
    identifying,
    idling,
    importing,
    processing,
    rehearsing,
    segmenting,
    sending,
    tracking,
)
from tests.bench.measuring import Results
from tests.bench.processes import sink

# A Monday noon, so that every run decides the same.
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PARTS: dict[str, Callable[[Results], None]] = {
    "mail": lambda results: crafting.measure(results, now=NOON),
    "floors": floors.measure,
    "rivals": lambda results: floors.rivals(results, crafting.specimen(now=NOON)),
    "send": lambda results: sending.measure(results, now=NOON),
    "idle": lambda results: idling.measure(results, now=NOON + timedelta(days=7, hours=1)),
    "events": lambda results: processing.measure(results, now=NOON + timedelta(days=8)),
    "broadcasts": lambda results: broadcasting.measure(results, now=NOON + timedelta(days=9)),
    "forms": accepting.measure,
    "import": lambda results: importing.measure(results, now=NOON + timedelta(days=12)),
    "tracking": lambda results: tracking.measure(results, now=NOON + timedelta(days=10)),
    "identity": lambda results: identifying.measure(results, now=NOON + timedelta(days=11)),
    "attribution": lambda results: crediting.measure(results, now=NOON - timedelta(days=100)),
    "rehearsal": lambda results: rehearsing.measure(results, now=NOON - timedelta(days=100)),
    "segments": lambda results: segmenting.measure(results, now=NOON + timedelta(days=120)),
    "tiers": lambda results: engaging.measure(results, now=NOON + timedelta(days=121)),
}


def main(arguments: list[str]) -> int:
    """Measure everything, or just the parts that are named."""
    began, at = time.perf_counter(), clock.now()
    results = Results()
    # As the product starts it: with fsync, and PostgreSQL's own settings.
    server = postgres.Server(settings.EMBEDDED_POSTGRES, ephemeral=True)
    server.hold()
    try:
        _measure(results, arguments or list(PARTS))
    finally:
        sys.stdout.write(f"{results.table()}\n")
        connections.close_all()
        server.release()
        shutil.rmtree(settings.VAR_DIR, ignore_errors=True)
    seconds = time.perf_counter() - began
    sys.stdout.write("".join(f"{note}\n" for note in [*results.notes, f"{seconds:.0f} s"]))
    if not arguments:
        results.save(settings.BASE_DIR / "bench/latest.json", at=at.isoformat(timespec="seconds"), seconds=seconds)
    return 0


def _measure(results: Results, parts: list[str]) -> None:
    _tell("preparing")
    call_command("migrate", verbosity=0)
    loading.load(now=NOON)
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE plain")
    database = settings.DATABASES["default"]
    os.environ |= {"BENCH_PLAIN_HOST": database["HOST"], "BENCH_PLAIN_USER": database["USER"]}
    with sink():
        for part in parts:
            _tell(part)
            PARTS[part](results)


def _tell(what: str) -> None:
    sys.stderr.write(f"{what} …\n")
