"""Erasing a person: everything about them goes, in every app. What blocks their address stays, as a keyed hash."""

from datetime import datetime

import pgtrigger
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType

from leads import addresses, importing, signals
from leads.identity import merging
from leads.models import Consent, Lead, LeadMerge
from lifecycle.core.deadlocks import atomic_with_retry

__all__ = ["erase"]


def erase(lead: Lead, *, now: datetime) -> dict[str, int]:
    """Remove the person everywhere; rows that went, by table. Safe to repeat; nothing is left of a half-done one.

    Mail that is under way is stopped first and waited for, so none is sent for somebody who is gone. What blocks the
    address stays, by its hash: whoever comes back later is still not mailed.
    """
    signals.lead_leaving.send(sender=None, lead=lead, now=now)
    # The log and the ledgers refuse to forget; this is the one who may make them.
    with pgtrigger.ignore():
        return _remove(lead, now)


@atomic_with_retry
def _remove(lead: Lead, now: datetime) -> dict[str, int]:
    """Begins anew after a deadlock: with somebody who tells the log of many people and holds what is to go."""
    if not Lead.objects.select_for_update().filter(pk=lead.pk).exists():
        return {}
    signals.lead_erased.send(sender=None, lead=lead, now=now)
    _forget_name(lead)
    importing.forget_person(lead, now=now)
    merging.forget_person(lead)
    consents = Consent.objects.filter(address_hash__in=addresses.hashes_of(lead)).delete()[1]
    return {**Lead(pk=lead.pk).delete()[1], **consents}


def _forget_name(lead: Lead) -> None:
    """The admin's own log names rows by their text, which is the address."""
    ids = [lead.pk, *LeadMerge.objects.filter(kept_id=lead.pk).values_list("merged_id", flat=True)]
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Lead), object_id__in=map(str, ids))
    entries.update(object_repr="an erased lead", change_message="")
