"""What the inbox forgets: bodies after a while, and all that names somebody when they are erased."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from leads import addresses
from leads.models import AddressAlias, Lead, Workspace
from lifecycle.core import sql

# The row itself stays: it is what makes a late copy one.
_EMPTY = """
    UPDATE integrations_inboxevent SET body = '', error = ''
    WHERE id IN (
        SELECT id FROM integrations_inboxevent
        WHERE closed_at < %b AND body <> '' ORDER BY closed_at LIMIT %b FOR NO KEY UPDATE SKIP LOCKED)
"""
# By the lead, by the address as the sender told it, and by the address anywhere in a body nobody could make sense of:
# there in the spellings in which `encode` gives it.
_FORGET = """
    UPDATE integrations_inboxevent
    SET body = '', error = '', address_hash = '', lead_id = NULL, lease_until = NULL, waits_for = '',
        outcome = CASE WHEN closed_at IS NULL THEN 'ignored: the person was erased' ELSE outcome END,
        state = CASE WHEN closed_at IS NULL THEN 'ignored' ELSE state END,
        closed_at = coalesce(closed_at, %b::timestamptz)
    WHERE lead_id = %b OR (address_hash <> '' AND address_hash = ANY(%b::text[])) OR (body <> '' AND EXISTS (
        SELECT FROM unnest(%b::text[]) AS spelling
        WHERE position(lower(spelling) IN lower(encode(body, 'escape'))) > 0))
"""


def forget_bodies(*, now: datetime, limit: int = 20_000) -> int:
    """Empty the bodies of what was closed longer ago than the workspace keeps them, up to `limit`; how many."""
    kept = timedelta(days=Workspace.load().inbox_kept_days)
    return sql.execute(_EMPTY, [now - kept, limit])


def forget_person(lead: Lead, *, now: datetime) -> int:
    """Empty every row that tells of this person; what still waited is closed. How many rows."""
    aliases = AddressAlias.objects.filter(lead=lead).values_list("email_normal", flat=True)
    names = sorted({lead.email, lead.email_normal, *aliases})
    return sql.execute(_FORGET, [now, lead.pk, addresses.hashes_of(lead), sorted({*_spellings(names)})])


def _spellings(names: Iterable[str]) -> Iterable[str]:
    """Each address as JSON holds it, in UTF-8 and escaped, with all but ASCII as PostgreSQL's `encode` shows bytes."""
    for name in names:
        for text in (json.dumps(name, ensure_ascii=False), json.dumps(name)):
            shown = "".join(chr(b) if b < 128 else f"\\{b:03o}" for b in text[1:-1].replace("\\", "\\\\").encode())
            yield shown
