"""What events say about the lead itself: the demo, being a client, the last sign of life."""

import re
from collections.abc import Callable

from leads.batch import Batch, EventRow, LeadRow
from lifecycle.core import moments

Fold = Callable[[LeadRow, EventRow], None]

# What only a person does. A click counts when a human clicked; what machines and colleagues do is no sign of life.
HUMAN_FAMILIES = frozenset("account api checkout demo docs form magnet page plan pricing purchase trial visit".split())
HUMAN_KINDS = frozenset(
    {
        *("meeting.booked", "meeting.rescheduled", "meeting.canceled"),
        *("webinar.registered", "webinar.join_clicked", "webinar.attended"),
    }
)
WEBINAR_CODE = re.compile(r"WB[0-9]{3,9}")
# Anybody can write somebody's address into a form.
NOT_HUMAN = frozenset({"form.confirmation_requested"})


def project(batch: Batch) -> None:
    """Fold the wave's events into the columns of their leads, in order."""
    for event in batch.events:
        row = batch.leads[event.lead_id]
        if is_human(event):
            last = row["last_human_act_at"]
            row.set("last_human_act_at", event.occurred_at if last is None else max(last, event.occurred_at))
        fold = FOLDS.get(event.kind)
        if fold:
            fold(row, event)


def is_human(event: EventRow) -> bool:
    """Whether the person did this, as far as anyone can tell."""
    if event.kind == "email.clicked":
        return event.properties.get("human") is True
    if event.kind in NOT_HUMAN or event.properties.get("human") is False:
        return False
    return event.kind in HUMAN_KINDS or event.kind.partition(".")[0] in HUMAN_FAMILIES


def _meeting(fold: Fold) -> Fold:
    """Who keeps the meetings says what all of them together mean for the demo; other programs tell of this one only."""

    def folded(row: LeadRow, event: EventRow) -> None:
        told = event.properties
        if "demo_status" not in told:
            fold(row, event)
            return
        row.set("demo_booked", told.get("demo_booked") is True)
        row.set("demo_status", str(told["demo_status"])[:20])
        row.set("demo_at", moments.read(told.get("demo_at")))
        row.set("demo_event_name", str(told.get("demo_event_name") or "")[:200])

    return folded


def _booked(row: LeadRow, event: EventRow) -> None:
    row.set("demo_booked", True)
    row.set("demo_status", "scheduled")
    row.set("demo_at", moments.read(event.properties.get("at")))
    name = event.properties.get("event_name")
    if isinstance(name, str):
        row.set("demo_event_name", name[:200])


def _canceled(row: LeadRow, event: EventRow) -> None:
    row.set("demo_booked", False)
    row.set("demo_status", "canceled")


def _missed(row: LeadRow, event: EventRow) -> None:
    row.set("demo_status", "no_show")


def _held(row: LeadRow, event: EventRow) -> None:
    row.set("demo_status", "held")


def _is_client(row: LeadRow, event: EventRow) -> None:
    row.set("is_client", True)


def _is_no_client(row: LeadRow, event: EventRow) -> None:
    row.set("is_client", False)


def _attends(row: LeadRow, event: EventRow) -> None:
    """Appended in turn, each webinar once: “WB003, WB005”."""
    code, known = event.properties.get("webinar"), row["webinars"]
    if isinstance(code, str) and WEBINAR_CODE.fullmatch(code) and code not in known.split(", "):
        row.set("webinars", f"{known}, {code}" if known else code)


FOLDS: dict[str, Fold] = {
    "meeting.booked": _meeting(_booked),
    "meeting.rescheduled": _meeting(_booked),
    "meeting.canceled": _meeting(_canceled),
    "meeting.no_show": _meeting(_missed),
    "meeting.held": _meeting(_held),
    "purchase.completed": _is_client,
    "subscription.started": _is_client,
    "subscription.renewed": _is_client,
    "subscription.lapsed": _is_no_client,
    "webinar.registered": _attends,
}
