"""A merge is taken back: both leads are as they were, and what happened since stays with the one that was kept."""

from datetime import datetime
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction

from leads import claiming, log, signals
from leads.identity.merging import pairs, rows
from leads.identity.merging.columns import given_back, unflat
from leads.identity.merging.merge import ADDED, LEDGER, WEBINARS, MergeError, told
from leads.identity.merging.record import OWN, Standing, write
from leads.models import AddressAlias, Lead, LeadMerge
from leads.pipeline import process_at_once
from leads.rescore import rescore_leads
from lifecycle.core import sql
from lifecycle.core.deadlocks import atomic_with_retry

_FORGET_LINES = "DELETE FROM leads_scoreentry WHERE id = ANY(%b::bigint[])"
_SUMS = """
    SELECT coalesce(sum(points) FILTER (WHERE dimension = 'fit'), 0),
           coalesce(sum(points) FILTER (WHERE dimension = 'intent'), 0)
    FROM leads_scoreentry WHERE lead_id = %b
"""
_SCORE = "UPDATE leads_lead SET fit_score = %b, intent_score = %b, score = %b WHERE id = %b"
_TOUCHES = """
    UPDATE leads_lead SET
        original_touch_id = coalesce(%b::bigint,
            (SELECT id FROM leads_touch WHERE lead_id = %b ORDER BY occurred_at, id LIMIT 1)),
        latest_touch_id = (SELECT id FROM leads_touch WHERE lead_id = %b ORDER BY occurred_at DESC, id DESC LIMIT 1),
        updated_at = greatest(updated_at, %b::timestamptz)
    WHERE id = %b
"""


def undo(merge: LeadMerge, *, now: datetime, actor: AbstractBaseUser | AnonymousUser | None = None) -> LeadMerge:
    """Give back the lead that went, with its rows and its address. MergeError says why it cannot be.

    Opt-outs stay with both, and runs that the merge ended stay ended.
    """
    done = _undo(merge.pk, actor=actor, now=now)
    for lead_id in (done.kept_id, done.merged_id):
        process_at_once(lead_id, now=now)
    return done


@atomic_with_retry
def _undo(merge_id: int, *, actor: AbstractBaseUser | AnonymousUser | None, now: datetime) -> LeadMerge:
    merge = _held(merge_id)
    kept_id, other_id = merge.kept_id, merge.merged_id
    with rows.guards_lifted():
        _bring_back(merge)
        for table in rows.hanging():
            ids = merge.moved.get(table.table)
            if ids:
                rows.move_back(table, ids, source=kept_id, target=other_id)
        AddressAlias.objects.filter(email_normal=merge.merged_before["email_normal"], lead_id=kept_id).delete()
        pairs.forget(merge.moved.get(ADDED + pairs.TABLE, []))
        for name, dropped in merge.dropped.items():
            for row in dropped:
                rows.insert(name, row)
        _restore(merge, now)
        signals.leads_parted.send(sender=None, kept_id=kept_id, other_id=other_id, now=now)
    merge.undone_at, merge.undone_by_id = now, actor.pk if actor else None
    merge.save(update_fields=["undone_at", "undone_by"])
    both = [told("lead.unmerged", merge, lead_id, actor) for lead_id in (kept_id, other_id)]
    log.write(both, now=now, pending=True)
    return merge


def _held(merge_id: int) -> LeadMerge:
    """The merge, with its lead locked, if it may be undone."""
    kept_id = LeadMerge.objects.values_list("kept_id", flat=True).filter(pk=merge_id).first()
    claiming.hold([kept_id] if kept_id else [])
    merge = LeadMerge.objects.filter(pk=merge_id, kept_id=kept_id).first()
    if merge is None:
        raise MergeError("This merge is not there any more.")
    if merge.undone_at is not None:
        raise MergeError("This merge was undone already.")
    later = LeadMerge.objects.filter(kept_id=kept_id, undone_at=None, pk__gt=merge.pk).order_by("-pk").first()
    if later is not None:
        raise MergeError(f"Undo the later merge of {later.merged_before['email']} first: they go back one by one.")
    return merge


def _bring_back(merge: LeadMerge) -> None:
    """The row of the lead that went; columns that came to the table since have their defaults."""
    fields = {str(field.column): field for field in Lead._meta.local_concrete_fields}
    row = {name: value for name, value in merge.merged_before.items() if name in fields}
    if Lead.objects.filter(email_normal=row["email_normal"]).exists():
        raise MergeError(f"There is another lead with the address {row['email']} by now; it would be there twice.")
    for name, field in fields.items():
        if name not in row:
            row[name] = field.get_db_prep_save(field.get_default(), connection)
    with transaction.atomic():
        if not rows.insert("leads_lead", row):
            raise MergeError("The lead that went cannot be put back: what it refers to is gone.")


def _restore(merge: LeadMerge, now: datetime) -> None:
    """The kept lead without what the merge gave it, in columns, touches and score."""
    kept_id, before = merge.kept_id, merge.kept_before
    standing = Standing(kept_id)
    columns = given_back(standing.row, before, before[OWN], merge.filled)
    write(kept_id, unflat(columns))
    sql.execute(_TOUCHES, [before["original_touch_id"], kept_id, kept_id, now, kept_id])
    sql.execute(WEBINARS, [kept_id, kept_id])
    added: list[Any] = merge.moved.get(ADDED + LEDGER, [])
    sql.execute(_FORGET_LINES, [added])
    fit, intent = (int(points) for points in sql.fetch(_SUMS, [kept_id])[0])
    if (fit, intent) == (before["fit_score"], before["intent_score"]):  # nothing was booked since
        sql.execute(_SCORE, [fit, intent, fit + intent, kept_id])
    else:
        rescore_leads([kept_id], now=now)
