"""What happens to people in the stories of rules 1 to 8, at a time of the story, and what came of it."""

from datetime import datetime, timedelta
from typing import Any

from campaigns.models import Decision, Enrollment, Message, Sequence
from campaigns.running import runner
from campaigns.sending import outbox
from campaigns.sending.delivery import open_transport
from leads.actions import record
from leads.batch import NewEvent
from leads.models import Lead
from leads.pipeline import drain
from tests.factories import NOON

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MAIL = [{"id": "hello", "send": "hello"}]
# A mail in a day, so that a run stays for a while.
SLOW: list[dict[str, Any]] = [{"id": "pause", "wait": "1d"}, *MAIL]


def happen(lead: Lead, kind: str, *, at: datetime = NOON, **properties: Any) -> None:
    """The person does something, and the product reacts."""
    tell(lead, kind, at=at, **properties)
    drain(now=at)


def tell(lead: Lead, kind: str, *, at: datetime = NOON, **properties: Any) -> None:
    """The person does something that nobody looked at yet."""
    record([NewEvent(lead.pk, kind, properties, occurred_at=at, source="shop")], now=at)


def go_on(*, at: datetime) -> None:
    """Runs go as far as they can, without a mail leaving."""
    drain(now=at)
    while runner.drain(now=at):
        drain(now=at)


def send(*, at: datetime) -> None:
    """Whatever may leave does."""
    transport = open_transport()
    try:
        outbox.drain(transport, now=at)
    finally:
        transport.close()


def runs(sequence: Sequence | None = None, lead: Lead | None = None) -> list[Enrollment]:
    found = Enrollment.objects.order_by("pk")
    found = found.filter(sequence=sequence) if sequence else found
    return list(found.filter(lead=lead) if lead else found)


def ends(sequence: Sequence | None = None) -> list[tuple[str, str, str]]:
    """(key, state, exit reason) of each run, oldest first."""
    return [(run.key, run.state, run.exit_reason) for run in runs(sequence)]


def mails(lead: Lead) -> list[tuple[str, str, str]]:
    return [(row.step_key, row.state, row.reason) for row in Message.objects.filter(lead=lead).order_by("pk")]


def refusals(lead: Lead) -> list[str]:
    """Why the person was not let in, oldest first: “filter: needs …”."""
    rows = Decision.objects.filter(lead=lead, about="entry", outcome="refused").order_by("pk")
    return [f"{row.check_name}: {(row.values or {}).get('text', '')}" for row in rows]


def entry(*triggers: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"triggers": list(triggers) or [{"event": "purchase.completed"}], **changes}
