"""Bring people back from sunset by hand. By themselves they come back with their next act."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from leads import claiming
from leads.actions.record import record
from leads.batch import flush_leads
from leads.engagement import resting
from leads.log import NewEvent

CHUNK = 1_000


def bring_back(lead_ids: Sequence[int], *, reason: str, actor: AbstractBaseUser | AnonymousUser, now: datetime) -> int:
    """Let marketing mail reach these people again; how many rested until now. The reason is kept in their history."""
    return sum(
        _bring_back(lead_ids[place : place + CHUNK], reason, actor, now) for place in range(0, len(lead_ids), CHUNK)
    )


@transaction.atomic
def _bring_back(lead_ids: Sequence[int], reason: str, actor: AbstractBaseUser | AnonymousUser, now: datetime) -> int:
    rows = claiming.hold(sorted(lead_ids))
    told = [resting.end(row, by=actor.get_username(), reason=reason[:200]) for row in rows.values()]
    events = [
        NewEvent(each.lead_id, each.kind, each.properties | {"actor": actor.pk}, source="sales")
        for each in told
        if each
    ]
    flush_leads(rows.values(), now=now)
    record(events, now=now)
    return len(events)
