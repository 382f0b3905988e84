"""Opt-outs and blocked addresses. A suppression hangs on the address's keyed hash and outlives the lead."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import OperationalError, transaction

from campaigns.models import Message, Suppression, Topic
from campaigns.running import exits, stopping, waiting
from campaigns.sending import settling
from leads.batch import NewEvent
from leads.log import write as write_events
from leads.models import Consent, Lead
from lifecycle.core import sql
from lifecycle.core.deadlocks import atomic_with_retry

logger = logging.getLogger(__name__)

# What the table holds of a reason and a source; an opt-out never fails for a long name.
LONGEST = 60

# Runs that would send marketing mail. The one question that opt-outs ask of a sequence's content.
_MARKETING_RUNS = """
    SELECT e.id FROM campaigns_enrollment e
    WHERE e.lead_id = ANY(%b::bigint[]) AND e.state = 'active' AND EXISTS (
        SELECT 1 FROM campaigns_step s
        LEFT JOIN campaigns_variant v ON v.step_id = s.id
        JOIN campaigns_emailtemplate t ON t.id = coalesce(v.template_id, s.template_id)
        WHERE s.version_id = e.version_id AND s.kind = 'send' AND t.message_class = 'marketing')
    ORDER BY e.id
"""
_STOP_MAIL = stopping.statement(
    """m.lead_id = ANY(%b::bigint[]) AND (%b OR m.message_class = 'marketing')
      AND (%b::bigint IS NULL OR m.topic_id = %b::bigint)
    RETURNING m.id, m.state""",
    end="suppressed",
)
_PEOPLE = """
    SELECT id FROM leads_lead WHERE address_hash = %b
    UNION SELECT lead_id FROM leads_addressalias WHERE address_hash = %b ORDER BY 1
"""
# All addresses of the leads that are named or go by one of these.
_EVERYBODY = """
    WITH people AS (
        SELECT id FROM leads_lead WHERE id = ANY(%b::bigint[])
        UNION SELECT id FROM leads_lead WHERE address_hash = ANY(%b::text[])
        UNION SELECT lead_id FROM leads_addressalias WHERE address_hash = ANY(%b::text[])
    )
    SELECT address_hash, id FROM leads_lead JOIN people USING (id)
    UNION ALL SELECT a.address_hash, a.lead_id FROM leads_addressalias a JOIN people ON people.id = a.lead_id
"""
_ADDRESSES = """
    SELECT address_hash FROM leads_lead WHERE id = ANY(%b::bigint[])
    UNION SELECT address_hash FROM leads_addressalias WHERE lead_id = ANY(%b::bigint[])
"""
_HOLD_RUNS = """
    SELECT id FROM campaigns_enrollment WHERE lead_id = ANY(%b::bigint[]) AND state = 'active'
    ORDER BY id FOR NO KEY UPDATE
"""

_BLOCK_ALL = """
    INSERT INTO campaigns_suppression (scope, reason, source, created_at, address_hash)
    SELECT %b::text, %b::text, %b::text, %b::timestamptz, hashed FROM unnest(%b::text[]) AS hashed ORDER BY hashed
    ON CONFLICT DO NOTHING RETURNING address_hash
"""


@dataclass(frozen=True, slots=True)
class Block:
    """What to keep from an address, why, and who said so. `topic` goes with the scope of that name alone."""

    scope: str
    reason: str
    source: str
    topic: Topic | None = None


def suppress(
    address_hash: str, *, scope: str, reason: str, source: str, now: datetime, topic: Topic | None = None
) -> bool:
    """Block an address. Committed when this returns; what was under way for it is stopped. True if it was new.

    Only the block and its proof must not fail. If stopping does (somebody keeps a lock for long), every mail still
    meets the block when it is claimed, and its run ends there.
    """
    block = Block(scope, reason, source, topic)
    leads, new = _set(address_hash, block, now=now)
    try:
        stop(leads, block, now=now)
    except OperationalError:
        logger.warning("an opt-out holds, but could not stop at once what was under way for leads %s", leads)
    return new


@atomic_with_retry
def _set(address_hash: str, block: Block, *, now: datetime) -> tuple[list[int], bool]:
    # A claim holds its leads' locks until it commits: taking the lock puts us after it, or it after us.
    _wait_for_claims(address_hash)
    leads = people_of(address_hash)
    new = False
    for hashed in [address_hash, *sorted({*addresses_of(leads)} - {address_hash})]:
        _, made = Suppression.objects.get_or_create(
            address_hash=hashed,
            scope=block.scope,
            topic=block.topic,
            defaults={"reason": block.reason[:LONGEST], "source": block.source[:LONGEST], "created_at": now},
        )
        new = new or made
    if new:
        _note(leads, block, granted=False, now=now)
    return leads, new


def block_refused(message_ids: Iterable[int], *, now: datetime) -> None:
    """Block the addresses of mails that a server refused as nobody's: what a provider would report as a hard bounce."""
    hashes = Message.objects.filter(pk__in=list(message_ids)).values_list("lead__address_hash", flat=True)
    for hashed in sorted(set(hashes)):
        suppress(hashed, scope=Suppression.Scope.EVERYTHING, reason="hard bounce", source="mail server", now=now)


def suppress_all(addresses: Mapping[str, int | None], block: Block, *, now: datetime) -> int:
    """Block many addresses in the caller's transaction, with the leads they belong to; how many were new.

    A lead that goes by several addresses is blocked by all of them.
    """
    people = dict(sql.fetch(_EVERYBODY, [[pk for pk in addresses.values() if pk], list(addresses), list(addresses)]))
    hashes, said = sorted({*addresses, *people}), [block.reason[:LONGEST], block.source[:LONGEST]]
    new = {row[0] for row in sql.fetch(_BLOCK_ALL, [block.scope, *said, now, hashes])}
    leads = sorted({pk for hashed, pk in people.items() if hashed in new})
    if leads:
        stop(leads, block, now=now)
        _note(leads, block, granted=False, now=now)
    return len(new)


def people_of(address_hash: str) -> list[int]:
    """The lead of an address, or the one that it leads to since two were merged."""
    return [row[0] for row in sql.fetch(_PEOPLE, [address_hash, address_hash])]


def addresses_of(leads: list[int]) -> list[str]:
    """The hashes of all addresses under which these leads are known: an opt-out of one binds them all."""
    return [row[0] for row in sql.fetch(_ADDRESSES, [leads, leads])] if leads else []


def _wait_for_claims(address_hash: str) -> None:
    try:
        with transaction.atomic():
            leads = Lead.objects.filter(pk__in=people_of(address_hash)).order_by("pk")
            list(leads.select_for_update(no_key=True).values_list("pk"))
    except OperationalError:
        pass  # somebody keeps the lock for long; the block itself must not wait for them


@atomic_with_retry
def stop(leads: list[int], block: Block, *, now: datetime) -> None:
    """End what is under way for these leads and must not go on with this block."""
    if not leads:
        return
    list(Lead.objects.filter(pk__in=leads).order_by("pk").select_for_update(no_key=True).values_list("pk"))
    if block.scope != Suppression.Scope.TOPIC:
        runs = [row[0] for row in sql.fetch(_MARKETING_RUNS, [leads])]
        exits.end([exits.Exit(run, block.reason) for run in runs], now=now)
        waiting.give_up(leads, reason=block.reason, now=now)
    everything = block.scope == Suppression.Scope.EVERYTHING
    text = f"suppression: {block.reason}"
    topic_id = block.topic.pk if block.topic else None
    sql.fetch(_HOLD_RUNS, [leads])  # enrollments before messages: the order of locks everywhere
    stopped = sql.fetch(_STOP_MAIL, [now, text, leads, everything, topic_id, topic_id])
    settling.wake([message_id for message_id, state in stopped if state == "suppressed"], now=now)


def _note(leads: Iterable[int], block: Block, *, granted: bool, now: datetime) -> None:
    """The proof of what the person decided, and the event that tells of it."""
    purpose = f"topic:{block.topic.slug}" if block.topic else "marketing"
    rows = list(Lead.objects.filter(pk__in=leads).values_list("pk", "address_hash"))
    Consent.objects.bulk_create(
        Consent(lead_id=pk, address_hash=hashed, purpose=purpose, granted=granted, source=block.source[:60], at=now)
        for pk, hashed in rows
    )
    kind = "email.resubscribed" if granted else "email.unsubscribed"
    events = [NewEvent(pk, kind, {"purpose": purpose, "reason": block.reason}, source="preferences") for pk, _ in rows]
    write_events(events, now=now, pending=True)


@transaction.atomic
def lift(lead: Lead, *, topic: Topic | None, source: str, now: datetime) -> bool:
    """The person wants this mail again, by their own act. Never lifts a bounce or complaint. False: nothing blocked."""
    scope = Suppression.Scope.TOPIC if topic else Suppression.Scope.MARKETING
    hashes = addresses_of([lead.pk])
    lifted, _ = Suppression.objects.filter(address_hash__in=hashes, scope=scope, topic=topic).delete()
    if lifted:
        _note([lead.pk], Block(scope, "asked for it again", source, topic), granted=True, now=now)
    return bool(lifted)


def in_flight(address_hash: str) -> list[int]:
    """Leads of the address that have mail in flight."""
    return list(
        Message.objects.filter(lead__in=people_of(address_hash), state=Message.State.SENDING)
        .values_list("lead_id", flat=True)
        .distinct()
    )
