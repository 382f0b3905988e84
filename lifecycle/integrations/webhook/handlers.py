"""What a webhook of such a sender does: an event of a person, by the rule for its kind."""

from datetime import datetime

from django.conf import settings

from leads import arrival, attribution
from leads.batch import flush_leads
from leads.log import NewEvent, write
from lifecycle.integrations.contract import Delivery, Outcome
from lifecycle.integrations.models import WebhookRule
from lifecycle.integrations.people import Person, known, lead_for
from lifecycle.integrations.storing import LONGEST_KEY, bounded
from lifecycle.integrations.webhook import meaning
from lifecycle.integrations.webhook.meaning import ATTRIBUTE, Meaning


def handle(rule: WebhookRule, source: str, delivery: Delivery, now: datetime) -> Outcome:
    """Write the event that the rule makes of it; once, however often this runs."""
    found = meaning.read(rule, delivery.payload)
    if not found.is_usable:
        return Outcome(f"ignored: {' '.join(found.faults.values())}", is_ignored=True)
    person = _person(rule, source, found, now)
    if person is None:
        return Outcome("ignored: nobody has that address, and the rule makes no new people", is_ignored=True)
    key = bounded(f"{rule.kind}:{found.key}", LONGEST_KEY) if rule.key_path else f"inbox:{delivery.id}"
    event = NewEvent(
        person.lead_id,
        found.event_kind,
        found.properties,
        occurred_at=_moment(found, delivery, now),
        source=source,
        key=key,
    )
    is_new = bool(write([event], now=now, pending=True))
    left_out = f"; left out: {', '.join(sorted(found.faults))}" if found.faults else ""
    return Outcome(f"{found.event_kind}{'' if is_new else ' (told before)'}{left_out}", [person.lead_id])


def _person(rule: WebhookRule, source: str, found: Meaning, now: datetime) -> Person | None:
    fields = {name: value for name, value in found.fields.items() if not name.startswith(ATTRIBUTE)}
    attributes = {
        name.removeprefix(ATTRIBUTE): value for name, value in found.fields.items() if name.startswith(ATTRIBUTE)
    }
    find = lead_for if rule.creates_leads else known
    person = find(found.email, source=source, now=now, attributes=attributes, **fields)
    if person and person.is_new:
        arrival.touch(person.row, attribution.read({}), kind="api", now=now)
        flush_leads([person.row], now=now)
    return person


def _moment(found: Meaning, delivery: Delivery, now: datetime) -> datetime:
    """What the future holds happened now, unless this is a sandbox, whose clocks are virtual."""
    at = found.occurred_at or delivery.received_at
    return at if at <= now or settings.SANDBOX else now
