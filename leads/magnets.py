"""Links to files, signed for one person: made, opened, and a download told to the log."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from leads import log
from leads.log import NewEvent
from leads.models import Lead, Magnet
from leads.reacting import react
from leads.whereabouts import present
from lifecycle.core import tokens

# A download by a machine is known, but starts nothing: no stage, no points, no sequence.
MACHINE_KIND = "magnet.fetched"


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link stands for. `magnet` is None when it is gone or switched off, or the person was erased."""

    magnet: Magnet | None
    lead_id: int
    is_late: bool


def link(magnet: Magnet, lead_id: int, *, now: datetime) -> str:
    """The absolute address under which this person gets the file, for `magnet.link_days` from `now`."""
    expires = int((now + timedelta(days=magnet.link_days)).timestamp())
    return f"{settings.SITE_URL}/f/{tokens.download_token(magnet.pk, lead_id, expires)}"


def opened(token: str, *, now: datetime) -> Opened | None:
    """What the token of a link opens; None for one that is not ours. The file itself may still be missing."""
    read = tokens.read_download_token(token)
    if read is None:
        return None
    magnet = Magnet.objects.filter(pk=read.magnet_id).first()
    lead_id = present(read.lead_id)
    there = magnet is not None and magnet.is_active and lead_id is not None
    return Opened(magnet if there else None, lead_id or read.lead_id, is_late=now.timestamp() >= read.expires)


def downloaded(magnet: Magnet, lead_id: int, *, machine: str, now: datetime) -> bool:
    """Tell the log, at most once an hour for a person and a file. False if the person was erased meanwhile.

    `machine`: why it was no person, or "".
    """
    with transaction.atomic():
        if not Lead.objects.filter(pk=lead_id).select_for_update(no_key=True).exists():
            return False
        is_new = bool(log.write([_event(magnet, lead_id, machine, now)], now=now, pending=True))
        if is_new and not machine:
            Magnet.objects.filter(pk=magnet.pk).update(downloads=F("downloads") + 1)
    if is_new and not machine:
        react(lead_id, now=now)
    return True


def _event(magnet: Magnet, lead_id: int, machine: str, now: datetime) -> NewEvent:
    properties: dict[str, Any] = {"magnet": magnet.slug, "name": magnet.name, "human": not machine}
    if machine:
        properties["reason"] = machine
    hour = now.astimezone(UTC).strftime("%Y%m%d%H")
    who = "machine" if machine else "human"
    kind = MACHINE_KIND if machine else magnet.event_kind
    return NewEvent(lead_id, kind, properties, source="magnet", key=f"{magnet.pk}:{lead_id}:{hour}:{who}")
