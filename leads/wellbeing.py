"""Whether the log is worked off: what failed too often, and what nobody could make sense of."""

from collections.abc import Iterator
from datetime import datetime

from leads.models import ImportRun, PendingEvent, PendingIdentity
from lifecycle.core import wellbeing
from lifecycle.core.wellbeing import Finding, Level

LOG = "Log"


def log(now: datetime) -> Iterator[Finding]:
    dead = PendingEvent.objects.filter(dead_at__isnull=False).count()
    if dead:
        says = f"{dead:,} events failed five times and wait for a person: nothing followed from them."
        yield Finding(LOG, Level.PROBLEM, says, "See History › Events not processed: mend the cause, then replay them.")
    lost = PendingIdentity.objects.filter(dead_at__isnull=False).count()
    if lost:
        says = f"{lost:,} calls that say who is who failed five times."
        yield Finding(LOG, Level.WARNING, says, "See History › Calls not acted on, then try them again.")
    if not dead and not lost:
        yield Finding(LOG, Level.FINE, "No event failed.")


def imports(now: datetime) -> Iterator[Finding]:
    stuck = ImportRun.objects.filter(state="running", lease_until__lt=now).count()
    if stuck:
        says = f"{stuck:,} imports lost their worker and were not taken up again."
        yield Finding(LOG, Level.WARNING, says, "They go on by themselves when a worker runs; see Imports.")


for name, check in (("log", log), ("imports", imports)):
    wellbeing.register(name, check)
