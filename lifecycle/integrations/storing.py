"""Take a webhook in: verified on its raw bytes, stored once, committed. What it does comes after (`handling`)."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import OperationalError, transaction

from leads import addresses
from leads.failing import place_of
from lifecycle.core import moments, sql
from lifecycle.integrations import bodies, naming
from lifecycle.integrations.contract import Call, Envelope, Provider, Refused

logger = logging.getLogger(__name__)

T = TypeVar("T")

LONGEST_KEY = 200
LONGEST_KIND = 120
# What readers raise over a body that is not what its sender documents.
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
_STORE = """
    INSERT INTO integrations_inboxevent
        (provider, key, kind, body, occurred_at, received_at, due_at, address_hash, named)
    VALUES (%b, %b, %b, %b, %b::timestamptz, %b::timestamptz, %b::timestamptz, %b, %b::text[])
    ON CONFLICT (provider, key) DO NOTHING RETURNING id
"""
_KNOWN = "SELECT id FROM integrations_inboxevent WHERE provider = %b AND key = %b"
_ONE_MORE = "UPDATE integrations_inboxevent SET copies = copies + 1 WHERE id = %b"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told. `inbox_id`: the row to process before that, if there is one."""

    body: Mapping[str, Any]
    inbox_id: int | None = None
    is_new: bool = False


def accept(provider: Provider, call: Call, *, now: datetime) -> Answer:
    """Verify and store a call; Refused says why it is not taken. The row is committed when this returns.

    {"status": "stored"} the first time, or "ignored" for a kind that means nothing to us; "duplicate" for any copy.
    """
    secrets = provider.secrets()
    if not secrets:
        raise Refused(403, "no_secret", f"No secret is set for {provider.title}, so nothing is taken from it.")
    bodies.check_size(call.body)
    _guarded(provider, lambda: provider.verify(call, secrets), 401, "bad_signature", "The signature cannot be read.")
    payload = bodies.parse(call.body)
    unlike = f"The body is not what {provider.title} sends."
    told = _guarded(provider, lambda: provider.answer(call, payload), 400, "malformed", unlike)
    if told is not None:
        return Answer(told)
    envelope = _guarded(provider, lambda: provider.read(call, payload), 400, "malformed", unlike)
    inbox_id, is_new = store(provider.slug, call.body, envelope, now=now)
    status = "stored" if envelope.kind in provider.handlers else "ignored"
    return Answer({"status": status if is_new else "duplicate"}, inbox_id, is_new)


def store(slug: str, body: bytes, envelope: Envelope, *, now: datetime) -> tuple[int, bool]:
    """The row's id, and whether it is new; the copies of one event are counted on its row."""
    # Keys stay when a person is erased, so one that names somebody is kept as its hash.
    key = bounded(envelope.key, 0 if naming.addresses_in(envelope.key) else LONGEST_KEY)
    secret = addresses.address_key()
    hashed = addresses.hash_of(envelope.email, secret) if envelope.email else ""
    named = naming.hashes(body, secret, source=slug, ids=envelope.ids)
    kind, at = sql.storable(envelope.kind)[:LONGEST_KIND], moments.plausible(envelope.occurred_at)
    with transaction.atomic():
        made = sql.fetch(_STORE, [slug, key, kind, body, at, now, now, hashed, named])
    if made:
        return made[0][0], True
    inbox_id = sql.fetch(_KNOWN, [slug, key])[0][0]
    _count_copy(inbox_id)
    return inbox_id, False


def _count_copy(inbox_id: int) -> None:
    """What waits for the row's worker for long is not counted: the copy is safe in the row as it is."""
    try:
        with transaction.atomic():
            sql.execute("SET LOCAL lock_timeout = '2s'")
            sql.execute(_ONE_MORE, [inbox_id])
    except OperationalError as error:
        logger.warning("a copy of inbox event %s was not counted: %s", inbox_id, type(error).__name__)


def bounded(key: str, longest: int) -> str:
    """A key as it is if it fits, else its hash: it must stay one for each event."""
    if len(key) <= longest and "\0" not in key and key.isprintable():
        return key
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _guarded(provider: Provider, read: Callable[[], T], status: int, code: str, message: str) -> T:
    """What a reader makes of hostile input; where it stumbles, the call is refused and the place logged."""
    try:
        return read()
    except UNREADABLE as error:
        logger.warning("a call of %s could not be read: %s", provider.slug, place_of(error))
        raise Refused(status, code, message) from None
