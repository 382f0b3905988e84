"""What a mail provider's report means, whichever provider it is: Anymail's words in, ours out. Pure."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from anymail.signals import AnymailTrackingEvent, EventType

from campaigns.models import Suppression
from lifecycle.core import keys, moments, sql

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
PROOF_OF_SENDING = frozenset({EventType.DELIVERED, EventType.BOUNCED, EventType.COMPLAINED, EventType.SENT})
"""Kinds of reports about mail that surely left."""
_TEMPORARY = frozenset({"soft_bounce", "SoftBounce", "Transient", "Undetermined", "blocked"})
_LONGEST = {"kind": 30, "detail": 250, "provider": 40}


class Report(NamedTuple):
    """One report. `key` makes two copies one; `block`: scope and reason, if the address is to be blocked."""

    key: str
    provider: str
    kind: str
    recipient: str
    message_key: str  # ours, as it went out with the mail
    message_id: str  # the provider's
    detail: str
    at: datetime
    block: tuple[str, str] | None

    @property
    def event_kind(self) -> str | None:
        """The event of ours that it becomes, if any."""
        return _KINDS.get(self.kind)

    @property
    def proves_sending(self) -> bool:
        """Whether the mail surely left, whatever was known of it."""
        return self.kind in PROOF_OF_SENDING


def read(event: AnymailTrackingEvent, *, provider: str, now: datetime) -> Report:
    """A report as Anymail verified and translated it; texts are cut to what the table holds."""
    kind = str(event.event_type)
    return Report(
        key=keys.fitting(sql.storable(f"{provider}:{_fingerprint(event, provider)}")),
        provider=_fitting("provider", provider),
        kind=_fitting("kind", kind),
        recipient=sql.storable(event.recipient) if isinstance(event.recipient, str) else "",
        message_key=sql.storable(str((event.metadata or {}).get("message_key") or "")),
        message_id=sql.storable(str(event.message_id or "")),
        detail=_fitting("detail", event.description or event.reject_reason or ""),
        at=moments.plausible(event.timestamp) or now,
        block=None if _is_soft(event) else _SUPPRESSES.get(kind),
    )


def _fingerprint(event: AnymailTrackingEvent, provider: str) -> str:
    """Brevo, Mailjet and most Postmark events have no id; their facts together are one. Amazon SES gives one id to
    what it tells of several people."""
    facts: tuple[Any, ...] = (event.event_id, event.recipient)
    if not event.event_id:
        facts = (provider, event.event_type, event.message_id, event.recipient, event.timestamp, event.click_url)
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _is_soft(event: AnymailTrackingEvent) -> bool:
    """Whether a bounce was only for now. Anymail calls soft ones of some providers “bounced” like the hard ones."""
    if event.event_type != EventType.BOUNCED:
        return False
    return event.reject_reason not in ("bounced", "invalid", None) or _says_temporary(event.esp_event)


def _says_temporary(told: Any) -> bool:
    """The providers' own words for a bounce that may be delivered later: a full mailbox, a server that is down."""
    if not isinstance(told, Mapping):
        return False
    data = told.get("data")
    bounces = [told.get("bounce"), data.get("bounce") if isinstance(data, Mapping) else None]
    words = [told.get("event"), told.get("Type"), told.get("type")]  # Brevo, Postmark, SendGrid
    for bounce in bounces:  # Amazon SES, Resend
        if isinstance(bounce, Mapping):
            words += [bounce.get("bounceType"), bounce.get("type")]
    return any(word in _TEMPORARY for word in words if isinstance(word, str))


def _fitting(name: str, text: str) -> str:
    """What the column holds of it, without what Postgres cannot hold."""
    return str(sql.storable(text))[: _LONGEST[name]]
