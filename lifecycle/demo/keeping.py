"""The demo's own database: begun anew when it is asked for or was left half done, and never another one."""

import gc
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from campaigns.models import MailboxMail
from campaigns.sending.delivery.preview import MailboxTransport
from lifecycle import engine
from lifecycle.core import clock, nudging, sql
from lifecycle.demo import company
from lifecycle.demo.doors import Doors
from lifecycle.demo.quarter import MAILBOX_DAYS, Progress, Quarter, ticks
from lifecycle.env import DEMO_MARK
from lifecycle.health import ENGINE
from lifecycle.models import Moment
from lifecycle.playbooks.loading import load
from lifecycle.supervisor.preparation import PLAYBOOKS, collect_static

LIVED = "demo lived"
# The tables grow faster than the server looks after them by itself.
ANALYZED = (1, 4, 12, 36)


class Refused(Exception):
    """The demo cannot be made here; the message says what to do."""


def lived_until() -> datetime | None:
    """When the finished story of this database ends; None if there is none, or it was interrupted."""
    if Moment._meta.db_table not in connection.introspection.table_names():
        return None
    return Moment.objects.filter(name=LIVED).values_list("at", flat=True).first()


def live(*, leads: int, days: int, seed: int, until: datetime) -> Iterator[Progress]:
    """Begin anew and live through the `days` before `until`. Refused where no demo may be."""
    claim(Path(settings.VAR_DIR))
    empty()
    call_command("migrate", interactive=False, verbosity=0)
    collect_static(Path(settings.STATIC_ROOT))
    begins = until - timedelta(days=days)
    with clock.virtual(begins):
        load(now=begins)
        key = company.found(now=begins)
    Moment.objects.create(name=PLAYBOOKS, at=begins)
    gc.collect()
    gc.freeze()  # what is loaded by now stays: the collector need not go through it again and again
    for progress in Quarter(Doors(key), leads=leads, days=days, seed=seed, until=until).live():
        if progress.day in ANALYZED:
            analyze()
        yield progress
    finish(until)


def catch_up(*, now: datetime) -> None:
    """Let the time since the product last ran go by, so that nothing that came due meanwhile bursts."""
    last = Moment.objects.get(name=ENGINE).at
    with clock.virtual(last) as set_clock, nudging.silent():
        for tick in ticks(last, now):
            set_clock(tick)
            engine.run(MailboxTransport(), now=tick)


def claim(var_dir: Path) -> None:
    """Mark the folder as a demo's for good, so that its mail stays here however it is started."""
    if not settings.DEMO:
        raise Refused("The demo empties its database, so it wants one of its own: use `make demo`, or set DEMO=1.")
    mark = var_dir / DEMO_MARK
    if not mark.exists() and connection.introspection.table_names():
        raise Refused(f"There is another database in {var_dir}: set another VAR_DIR.")
    mark.touch()


def empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
        # Losing the last second in a crash costs nothing: what is interrupted begins anew.
        cursor.execute("SET synchronous_commit = off")
    sql.prepare_often()


def finish(until: datetime) -> None:
    """Of the alerts to the reps, keep as many days as of the other mails; and say that it is done."""
    MailboxMail.objects.filter(sent_at__lt=until - timedelta(days=MAILBOX_DAYS)).delete()
    analyze()
    Moment.objects.create(name=LIVED, at=until)


def analyze() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
