"""What mail providers report, through Anymail's signal: stored once, then acted on at once."""

import hashlib
import logging
from datetime import datetime
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, tracking
from django.db import transaction
from django.dispatch import receiver

from campaigns.models import Message, ProviderEvent, Suppression
from campaigns.suppressing import suppress
from leads.addresses import hash_of
from leads.batch import NewEvent
from leads.log import write as write_events
from lifecycle.core import clock

logger = logging.getLogger(__name__)

# What a report does to the address. A soft bounce is the provider's to retry, and says nothing about the address.
_SUPPRESSES = {
    EventType.BOUNCED: (Suppression.Scope.EVERYTHING, "hard bounce"),
    EventType.COMPLAINED: (Suppression.Scope.EVERYTHING, "complaint"),
    EventType.UNSUBSCRIBED: (Suppression.Scope.MARKETING, "unsubscribed"),
}
_KINDS = {
    EventType.DELIVERED: "email.delivered",
    EventType.BOUNCED: "email.bounced",
    EventType.COMPLAINED: "email.complained",
    EventType.REJECTED: "email.rejected",
    EventType.DEFERRED: "email.deferred",
}
_PROOF_OF_SENDING = {EventType.DELIVERED, EventType.BOUNCED, EventType.COMPLAINED, EventType.SENT}


@receiver(tracking, dispatch_uid="campaigns.provider_events")
def on_tracking(sender: Any, event: AnymailTrackingEvent, esp_name: str, **kwargs: Any) -> None:
    store_and_apply(event, provider=esp_name, now=clock.now())


def store_and_apply(event: AnymailTrackingEvent, *, provider: str, now: datetime) -> bool:
    """Store a report and act on it; False if it was known and done. Safe to repeat at every point."""
    stored = _store(event, provider=provider, now=now)
    if stored.processed_at is not None:
        return False
    _apply(stored, event, now=now)
    ProviderEvent.objects.filter(pk=stored.pk).update(processed_at=now)
    return True


def _store(event: AnymailTrackingEvent, *, provider: str, now: datetime) -> ProviderEvent:
    key = f"{provider}:{event.event_id or _fingerprint(event, provider)}"[:200]
    hashed = hash_of(event.recipient)
    return ProviderEvent.objects.get_or_create(
        key=key,
        defaults={
            "provider": provider,
            "kind": event.event_type,
            "message": _message(event),
            "address_hash": hashed,
            "detail": (event.description or event.reject_reason or "")[:250],
            "at": event.timestamp or now,
        },
    )[0]


def _fingerprint(event: AnymailTrackingEvent, provider: str) -> str:
    """Brevo, Mailjet and most Postmark events have no id; their facts together are one."""
    facts = (provider, event.event_type, event.message_id, event.recipient, event.timestamp, event.click_url)
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _message(event: AnymailTrackingEvent) -> Message | None:
    key = (event.metadata or {}).get("message_key")
    if key:
        return Message.objects.filter(key=key).first()
    return Message.objects.filter(provider_id=event.message_id).first() if event.message_id else None


def _apply(stored: ProviderEvent, event: AnymailTrackingEvent, *, now: datetime) -> None:
    message = stored.message
    if message is not None:
        _resolve(message, event, now=now)
        _tell(message, stored, event, now=now)
    scope, reason = _SUPPRESSES.get(event.event_type, (None, ""))
    if scope and stored.address_hash and not _is_soft(event):
        suppress(stored.address_hash, scope=scope, reason=reason, source=stored.provider, now=now)


def _is_soft(event: AnymailTrackingEvent) -> bool:
    return event.event_type == EventType.BOUNCED and event.reject_reason not in ("bounced", "invalid", None)


@transaction.atomic
def _resolve(message: Message, event: AnymailTrackingEvent, *, now: datetime) -> None:
    """A message whose fate was unknown did leave, as the provider's report proves."""
    if event.event_type in _PROOF_OF_SENDING:
        Message.objects.filter(pk=message.pk, state=Message.State.UNKNOWN).update(
            state=Message.State.SENT, reason="", sent_at=event.timestamp or now
        )


def _tell(message: Message, stored: ProviderEvent, event: AnymailTrackingEvent, *, now: datetime) -> None:
    kind = _KINDS.get(event.event_type)
    if kind:
        properties = {"message": message.pk, "detail": stored.detail}
        told = NewEvent(message.lead_id, kind, properties, source="provider", key=f"{stored.pk}")
        write_events([told], now=now, pending=True)
