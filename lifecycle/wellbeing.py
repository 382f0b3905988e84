"""Whether the machinery runs: the engine's ticks, what waits for too long, the periodic jobs, the database's tables."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_celery_beat.models import PeriodicTask

from lifecycle import health
from lifecycle.core import wellbeing
from lifecycle.core.wellbeing import Finding, Level
from lifecycle.schedule import JOBS

ENGINE, SETUP = "Engine", "Set-up"
RUN = "Start the product with manage.py up (make run), or see that the worker and beat processes run."
# A job that did not run for this many of its periods, and for a while, is late.
LATE_PERIODS, LATE_AFTER = 5, timedelta(minutes=10)


def engine(now: datetime) -> Iterator[Finding]:
    reasons, figures = health.problems(now)
    for reason in reasons:
        remedy = "Confirm it in the admin, or with manage.py confirm_instance." if "locked" in reason else RUN
        yield Finding(ENGINE, Level.PROBLEM, f"{reason[:1].upper()}{reason[1:]}.", remedy)
    if not reasons:
        oldest = max((age for name, age in figures.items() if name.startswith("oldest_due")), default=0)  # type: ignore[type-var]
        yield Finding(ENGINE, Level.FINE, f"The engine runs; the oldest work has been due for {oldest} s.")


def jobs(now: datetime) -> Iterator[Finding]:
    rows = {row.name: row for row in PeriodicTask.objects.filter(name__in=[job.name for job in JOBS])}
    missing = [job.name for job in JOBS if job.name not in rows]
    off = [name for name, row in rows.items() if not row.enabled]
    late = [
        job.name
        for job in JOBS
        if (row := rows.get(job.name))
        and row.enabled
        and row.last_run_at
        and now - row.last_run_at > max(LATE_PERIODS * job.every, LATE_AFTER)
    ]
    if missing:
        yield Finding(ENGINE, Level.PROBLEM, f"Periodic jobs are missing: {', '.join(missing)}.", "Run manage.py up.")
    if off:
        says = f"Periodic jobs are switched off: {', '.join(sorted(off))}."
        yield Finding(ENGINE, Level.WARNING, says, "Switch them on under Setup › Periodic tasks.")
    if late:
        yield Finding(ENGINE, Level.WARNING, f"Periodic jobs did not run when due: {', '.join(late)}.", RUN)
    if not (missing or off or late):
        yield Finding(ENGINE, Level.FINE, f"All {len(JOBS)} periodic jobs are there and on.")


def tables(now: datetime) -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    open_ones = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if open_ones:
        says = f"{len(open_ones)} migrations were not run."
        yield Finding(SETUP, Level.PROBLEM, says, "Run manage.py migrate, or start the product with manage.py up.")
    else:
        yield Finding(SETUP, Level.FINE, "The database's tables are those of this version.")


def installation(now: datetime) -> Iterator[Finding]:
    if settings.SANDBOX and not settings.DEMO:
        yield Finding(SETUP, Level.WARNING, "SANDBOX is set: the clock may be set from outside.", "Unset SANDBOX.")
    if not settings.HTTPS:
        says = f"Links in mails lead to {settings.SITE_URL}, without TLS."
        yield Finding(SETUP, Level.NOTICE, says, "Set SITE_URL to the public https address.")


for name, check in (("engine", engine), ("jobs", jobs), ("tables", tables), ("installation", installation)):
    wellbeing.register(name, check)
