"""Whether the log is worked off, and whether anybody has said whose installation this is."""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings

from leads.models import ImportRun, PendingEvent, PendingIdentity, Workspace
from lifecycle.core import wellbeing
from lifecycle.core.wellbeing import Finding, Level

LOG, COMPANY = "Log", "Company"
# What mails and pages say of the company, as it is shipped: nobody's.
SHOWN = {
    "name": "name",
    "postal_address": "postal address",
    "site_url": "website",
    "booking_url": "booking link",
    "docs_url": "documentation link",
    "pricing_url": "pricing link",
    "app_url": "product link",
}


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


def company(now: datetime) -> Iterator[Finding]:
    """Whether mails would tell of an example company: a false address in the footer is against the law."""
    here, as_shipped = Workspace.load(), Workspace()
    shipped = [label for name, label in SHOWN.items() if getattr(here, name) == getattr(as_shipped, name)]
    if not shipped:
        yield Finding(COMPANY, Level.FINE, "Mails tell of your company.")
        return
    leaves = settings.MAIL["transport"] != "mailbox"
    says = f"Mails tell of an example company: its {', '.join(shipped)} are the shipped ones."
    yield Finding(COMPANY, Level.WARNING if leaves else Level.NOTICE, says, "Write your own under Setup › Workspace.")


for name, check in (("log", log), ("imports", imports), ("company", company)):
    wellbeing.register(name, check)
