"""Erasing a person: everything about them goes, in every app. What blocks their address stays, as a keyed hash."""

from datetime import datetime

import pgtrigger
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from leads import importing, signals
from leads.models import Consent, Lead

__all__ = ["erase"]


def erase(lead: Lead, *, now: datetime) -> dict[str, int]:
    """Remove the person everywhere; rows that went, by table. Safe to repeat; nothing is left of a half-done one.

    Mail that is under way is stopped first and waited for, so none is sent for somebody who is gone. What blocks the
    address stays, by its hash: whoever comes back later is still not mailed.
    """
    signals.lead_leaving.send(sender=None, lead=lead, now=now)
    # The log and the ledgers refuse to forget; this is the one who may make them.
    with transaction.atomic(), pgtrigger.ignore():
        if not Lead.objects.select_for_update().filter(pk=lead.pk).exists():
            return {}
        signals.lead_erased.send(sender=None, lead=lead, now=now)
        _forget_name(lead)
        importing.forget_person(lead, now=now)
        consents = Consent.objects.filter(address_hash=lead.address_hash).delete()[1]
        return {**Lead(pk=lead.pk).delete()[1], **consents}


def _forget_name(lead: Lead) -> None:
    """The admin's own log names rows by their text, which is the address."""
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Lead), object_id=str(lead.pk))
    entries.update(object_repr="an erased lead", change_message="")
