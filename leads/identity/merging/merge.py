"""Two leads become one: said by a person, whole or not at all, and kept in a way that it can be undone."""

from datetime import datetime
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction

from leads import claiming, log, signals
from leads.identity.merging import pairs, rows
from leads.identity.merging.columns import combined, flat, gained, unflat
from leads.identity.merging.record import OWN, Standing, write
from leads.log import NewEvent
from leads.models import AddressAlias, Lead, LeadMerge
from leads.pipeline import process_at_once
from leads.rescore import rescore_leads
from lifecycle.core import sql
from lifecycle.core.deadlocks import atomic_with_retry

TRIES = 3
LEDGER = "leads_scoreentry"
# What a merge adds beside what it moves: ids under this table's name with a plus before it.
ADDED = "+"

# After the first touch of both, and up to the last of both.
_TOUCHES = """
    UPDATE leads_lead SET
        original_touch_id = (SELECT id FROM leads_touch WHERE lead_id = %b ORDER BY occurred_at, id LIMIT 1),
        latest_touch_id = (SELECT id FROM leads_touch WHERE lead_id = %b ORDER BY occurred_at DESC, id DESC LIMIT 1),
        updated_at = greatest(updated_at, %b::timestamptz)
    WHERE id = %b
"""
# Each webinar once, in the order in which either registered.
WEBINARS = """
    UPDATE leads_lead SET webinars = coalesce((
        SELECT string_agg(code, ', ' ORDER BY first, id) FROM (
            SELECT properties->>'webinar' AS code, min(occurred_at) AS first, min(id) AS id FROM leads_event
            WHERE lead_id = %b AND kind = 'webinar.registered' AND properties->>'webinar' ~ '^WB[0-9]{3,9}$' GROUP BY 1
        ) AS theirs), '')
    WHERE id = %b
"""
_LAST_LINE = "SELECT coalesce(max(id), 0) FROM leads_scoreentry WHERE lead_id = %b"
_NEW_LINES = "SELECT id FROM leads_scoreentry WHERE lead_id = %b AND id > %b"


class MergeError(ValueError):
    """These cannot be merged, or not be taken apart; the message is for the person who asked."""


def merge(
    kept: Lead, other: Lead, *, now: datetime, actor: AbstractBaseUser | AnonymousUser | None = None
) -> LeadMerge:
    """Everything of `other` becomes that of `kept`, and its address leads there from now on. MergeError if it cannot.

    In one transaction that holds both leads. What is in flight for the other is settled as theirs: the mail names its
    row, not its lead.
    """
    if kept.pk == other.pk:
        raise MergeError("This is one and the same lead.")
    for left in reversed(range(TRIES)):
        try:
            made = _merge(kept.pk, other.pk, actor=actor, now=now)
            break
        except IntegrityError:  # somebody wrote of the other while it went away
            if not left or transaction.get_connection().in_atomic_block:
                raise
    process_at_once(kept.pk, now=now)
    return made


@atomic_with_retry
def _merge(kept_id: int, other_id: int, *, actor: AbstractBaseUser | AnonymousUser | None, now: datetime) -> LeadMerge:
    claiming.hold([kept_id, other_id])
    kept, other = Standing(kept_id), Standing(other_id)
    if not kept.exists or not other.exists:
        raise MergeError("One of the two is not there any more.")
    with rows.guards_lifted():
        signals.leads_merging.send(sender=None, kept_id=kept_id, other_id=other_id, now=now)
        moved, dropped = _move_all(source=other_id, target=kept_id)
        sql.execute("DELETE FROM leads_lead WHERE id = %b", [other_id])
        _lead_on(other.row, kept_id, now)
        result = combined(kept.own, [other.own, *kept.others, *other.others])
        write(kept_id, unflat(result))
        sql.execute(_TOUCHES, [kept_id, kept_id, now, kept_id])
        sql.execute(WEBINARS, [kept_id, kept_id])
        moved[ADDED + LEDGER] = _rescored(kept_id, now)
    made = LeadMerge.objects.create(
        kept_id=kept_id,
        merged_id=other_id,
        kept_before={**kept.row, OWN: kept.own},
        merged_before={**other.row, OWN: other.own},
        filled=gained(kept.own, flat(Standing(kept_id).row)),
        moved=moved,
        dropped=dropped,
        actor_id=actor.pk if actor else None,
        at=now,
    )
    log.write([told("lead.merged", made, kept_id, actor)], now=now, pending=True)
    return made


def _move_all(*, source: int, target: int) -> tuple[dict[str, list[Any]], dict[str, list[dict[str, Any]]]]:
    moved: dict[str, list[Any]] = {}
    dropped: dict[str, list[dict[str, Any]]] = {}
    for table in rows.hanging():
        ids, without_place = rows.move(table, source=source, target=target)
        if ids:
            moved[table.table] = ids
        if without_place:
            dropped[table.table] = without_place
    made, taken = pairs.move(source=source, target=target)
    if taken:
        moved[ADDED + pairs.TABLE], dropped[pairs.TABLE] = made, taken
    return moved, dropped


def _lead_on(row: dict[str, Any], kept_id: int, now: datetime) -> None:
    """From now on whoever comes with the other's address is the kept lead."""
    AddressAlias.objects.create(
        email_normal=row["email_normal"], address_hash=row["address_hash"], lead_id=kept_id, created_at=now
    )


def _rescored(lead_id: int, now: datetime) -> list[int]:
    """Bring the score in line with all that moved; the lines of the ledger that it took."""
    last = sql.fetch(_LAST_LINE, [lead_id])[0][0]
    rescore_leads([lead_id], now=now)
    return [row[0] for row in sql.fetch(_NEW_LINES, [lead_id, last])]


def told(kind: str, made: LeadMerge, lead_id: int, actor: AbstractBaseUser | AnonymousUser | None) -> NewEvent:
    by = actor.get_username() if isinstance(actor, AbstractBaseUser) else "the system"
    properties = {"merge": made.pk, "lead": made.merged_id, "by": by, "actor": actor.pk if actor else None}
    return NewEvent(lead_id, kind, properties, source="merge", key=f"{kind}:{made.pk}:{lead_id}")
