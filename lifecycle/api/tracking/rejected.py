"""Calls that were not taken, kept for two weeks so that their sender can be mended."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from leads.models import AddressAlias, Lead
from leads.tracking import Refusal
from lifecycle.api import keys
from lifecycle.api.models import ApiKey, RejectedCall
from lifecycle.core import sql

_ADDRESS = re.compile(r'("ip(?:_?address)?"\s*:\s*)"[^"]*"', re.IGNORECASE)
KEPT_FOR = timedelta(days=14)
KEPT_OF_A_BODY = 2_000
KEPT_OF_A_REASON = 300
_KEEP = """
    INSERT INTO api_rejectedcall (key_id, call, message_id, reason, body, at)
    SELECT %b::bigint, call, message_id, reason, body, %b::timestamptz
    FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[]) AS given (call, message_id, reason, body)
"""


def keep(refused: Sequence[Refusal], *, key: ApiKey | None, now: datetime) -> None:
    """Remember calls that were not taken, so that their sender can be mended."""
    if refused:
        given = [
            [one.call for one in refused],
            [one.message_id for one in refused],
            [one.reason[:KEPT_OF_A_REASON] for one in refused],
            [_body(one.raw) for one in refused],
        ]
        sql.execute(_KEEP, [key.pk if key else None, now, *given])


def _body(raw: bytes) -> str:
    """The beginning of a call, without the key and the network address that it may carry."""
    text: str = sql.storable(raw[: KEPT_OF_A_BODY * 4].decode(errors="replace"))
    return _ADDRESS.sub(r'\1"…"', keys.hidden(text))[:KEPT_OF_A_BODY]


def forget(*, now: datetime) -> int:
    """Delete what is older than two weeks; how many went."""
    return RejectedCall.objects.filter(at__lt=now - KEPT_FOR).delete()[0]


def forget_person(lead: Lead) -> None:
    """Delete what names this person's address, or one that leads to them since two were merged."""
    aliases = AddressAlias.objects.filter(lead=lead).values_list("email_normal", flat=True)
    for address in {lead.email, lead.email_normal, *aliases}:
        RejectedCall.objects.filter(body__icontains=address).delete()
