"""What sales does about the events of a batch: give the lead an owner, tell the rep. Rows only; mail goes out later."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User

from leads.batch import Batch, EventRow, NewEvent
from lifecycle.core import sql
from lifecycle.core.nudging import nudge
from lifecycle.sales import followups, tasking
from lifecycle.sales.assignment import Pool
from lifecycle.sales.models import Alert
from lifecycle.sales.reasons import why

# A campaign can make hundreds of people hot in one batch.
_TELL = """
    INSERT INTO sales_alert
        (created_at, due_at, state, attempts, detail, key, lead_id, kind, headline, reasons, to_email)
    SELECT %b::timestamptz, %b::timestamptz, 'ready', 0, '', key, lead_id, kind, headline, reasons::jsonb, to_email
    FROM unnest(%b::text[], %b::bigint[], %b::text[], %b::text[], %b::text[], %b::text[])
      AS given (key, lead_id, kind, headline, reasons, to_email)
    ON CONFLICT DO NOTHING
"""


# A client who looks at the prices is no lead to call: their use, renewals and payments tell what they need.
LEADS_ONLY = frozenset({Alert.Kind.HOT, Alert.Kind.SQL})


def react(batch: Batch) -> None:
    """Tell of each lead that turned hot or sales qualified, or that a sequence pointed at; give out tasks."""
    worthy = [
        (event, kind)
        for event in batch.events
        if (kind := kind_of(event)) is not None and not (kind in LEADS_ONLY and batch.leads[event.lead_id]["is_client"])
    ]
    asked = [event for event in batch.events if event.kind == tasking.REQUESTED]
    met = followups.of(batch.events)
    if not worthy and not asked and not met:
        return
    leads = {event.lead_id for event, _ in worthy}
    _assign(batch, leads | {event.lead_id for event in [*asked, *met]})
    if met:
        followups.plan(batch, met)
    if asked:
        tasking.ask(batch, asked)
    if not worthy:
        return
    _write(batch, worthy, why(leads))
    nudge("lifecycle.sales.tasks.send_alerts")


def kind_of(event: EventRow) -> Alert.Kind | None:
    """Which alert an event is worth, if any."""
    if event.kind == "temperature.changed" and event.properties.get("after") == "hot":
        return Alert.Kind.HOT
    if event.kind == "stage.changed" and event.properties.get("after") == "sql":
        return Alert.Kind.SQL
    return Alert.Kind.NOTICE if event.kind == "sequence.notified" else None


def _assign(batch: Batch, leads: Iterable[int]) -> None:
    without = [lead_id for lead_id in sorted(leads) if batch.leads[lead_id]["owner_id"] is None]
    if not without:
        return
    pool = Pool()
    batch.load(pool.needs)
    for lead_id in without:
        rep = pool.next_for(batch.facts_of(lead_id), batch.now)
        if rep is not None:
            _give(batch, lead_id, rep)
    pool.save()


def _give(batch: Batch, lead_id: int, rep: Any) -> None:
    row = batch.leads[lead_id]
    row.set("owner_id", rep.pk)
    if row["first_owner_id"] is None:
        row.set("first_owner_id", rep.pk)
    batch.raise_event(NewEvent(lead_id, "owner.assigned", {"owner": rep.username, "by": "assignment rule"}))


def _owner_emails(batch: Batch, leads: Iterable[int]) -> dict[int, str]:
    from_owner = {lead_id: batch.leads[lead_id]["owner_id"] for lead_id in leads}
    known = dict(
        User.objects.filter(pk__in={owner for owner in from_owner.values() if owner}, is_active=True).values_list(
            "pk", "email"
        )
    )
    return {lead_id: known.get(owner) or settings.SALES_EMAIL for lead_id, owner in from_owner.items()}


def _write(batch: Batch, worthy: list[tuple[EventRow, Alert.Kind]], reasons: dict[int, list[str]]) -> None:
    emails = _owner_emails(batch, {event.lead_id for event, _ in worthy})
    rows = [
        (
            f"event:{event.id}",
            event.lead_id,
            kind.value,
            headline(batch, event, kind),
            sql.to_json(_why(event, kind, reasons.get(event.lead_id, []))),
            emails[event.lead_id],
        )
        for event, kind in worthy
    ]
    sql.execute(_TELL, [batch.now, batch.now, *(list(column) for column in zip(*rows, strict=True))])


def _why(event: EventRow, kind: Alert.Kind, reasons: list[str]) -> list[str]:
    if kind == Alert.Kind.SQL and event.properties.get("reason"):
        return [event.properties["reason"], *reasons]
    return reasons


def headline(batch: Batch, event: EventRow, kind: Alert.Kind) -> str:
    """What the rep reads first."""
    row = batch.leads[event.lead_id]
    name = f"{row['first_name']} {row['last_name']}".strip() or row["email"]
    who = f"{name}, {row['company_name']}" if row["company_name"] else name
    if kind == Alert.Kind.HOT:
        return f"Hot lead: {who}, score {row['score']}"[:200]
    if kind == Alert.Kind.SQL:
        return f"Sales qualified: {who}"[:200]
    return f"{who}: {event.properties.get('message', '')}"[:200]
