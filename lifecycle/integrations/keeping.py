"""What the inbox forgets: bodies after a while, and all that names somebody when they are erased."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from leads import addresses
from leads.models import Lead, Workspace
from lifecycle.core import sql
from lifecycle.integrations import naming

# Bodies that are looked through are fetched so many at a time: each may have 1 MiB.
CHUNK = 50
# The row itself stays: it is what makes a late copy one.
_EMPTY = """
    UPDATE integrations_inboxevent SET body = '', error = '', named = '{}'
    WHERE id IN (
        SELECT id FROM integrations_inboxevent
        WHERE closed_at < %b AND body <> '' ORDER BY closed_at LIMIT %b FOR NO KEY UPDATE SKIP LOCKED)
"""
# Each by its index. What is about the person, and what names their address somewhere.
_ABOUT = """
    SELECT id FROM integrations_inboxevent WHERE lead_id = %b
    UNION SELECT id FROM integrations_inboxevent WHERE address_hash <> '' AND address_hash = ANY(%b::text[])
"""
_NAMING = "SELECT id FROM integrations_inboxevent WHERE named && %b::text[]"
# What the sender calls them in the events about them, and events of nobody yet that it calls so too.
_IDS = """
    SELECT DISTINCT one FROM integrations_inboxevent, unnest(named) AS one
    WHERE id = ANY(%b::bigint[]) AND starts_with(one, %b)
"""
_SAME_ID = "SELECT id FROM integrations_inboxevent WHERE named && %b::text[] AND lead_id IS NULL"
_UNREAD = """
    SELECT id, body FROM integrations_inboxevent
    WHERE named IS NULL AND body <> '' AND id > %b ORDER BY id LIMIT %b
"""
_MARKED = """
    SELECT id, body FROM integrations_inboxevent
    WHERE named @> %b::text[] AND body <> '' AND id > %b ORDER BY id LIMIT %b
"""
_READ = """
    UPDATE integrations_inboxevent e SET named = string_to_array(given.named, ' ')
    FROM unnest(%b::bigint[], %b::text[]) AS given (id, named)
    WHERE e.id = given.id AND e.named IS NULL AND e.body <> ''
"""
_FORGET_WORDS = "UPDATE integrations_inboxevent SET body = '', address_hash = '', named = '{}' WHERE id = %b"
_FORGET = """
    UPDATE integrations_inboxevent
    SET body = '', error = '', address_hash = '', named = '{}', lead_id = NULL, lease_until = NULL, waits_for = '',
        outcome = CASE WHEN closed_at IS NULL THEN 'ignored: the person was erased' ELSE outcome END,
        state = CASE WHEN closed_at IS NULL THEN 'ignored' ELSE state END,
        closed_at = coalesce(closed_at, %b::timestamptz)
    WHERE id = ANY(%b::bigint[])
"""


def forget_bodies(*, now: datetime, limit: int = 20_000) -> int:
    """Empty the bodies of what was closed longer ago than the workspace keeps them, up to `limit`; how many."""
    kept = timedelta(days=Workspace.load().inbox_kept_days)
    return sql.execute(_EMPTY, [now - kept, limit])


def read_names(*, limit: int = 20_000) -> int:
    """Note whom older bodies name, up to `limit`; how many. Newer ones are read at the door."""
    key, count, last = addresses.address_key(), 0, 0
    while count < limit and (rows := sql.fetch(_UNREAD, [last, min(CHUNK, limit - count)])):
        last = rows[-1][0]
        named = [" ".join(naming.hashes(bytes(body), key)) for _, body in rows]
        sql.execute(_READ, [[row[0] for row in rows], named])
        count += len(rows)
    return count


def empty(inbox_id: int) -> None:
    """Keep nothing of what this one told: it was about somebody who was erased before it came."""
    sql.execute(_FORGET_WORDS, [inbox_id])


def forget_person(lead: Lead, *, now: datetime) -> int:
    """Empty every row that tells of this person; what still waited is closed. How many rows.

    Their lead is locked meanwhile: rows are found by index, and bodies are read only of the few that no index knows.
    """
    hashes = addresses.hashes_of(lead)
    about = _ids_of(sql.fetch(_ABOUT, [lead.pk, hashes]))
    naming_them = _ids_of(sql.fetch(_NAMING, [hashes]))
    called = [row[0] for row in sql.fetch(_IDS, [sorted(about), naming.ID])]
    unheard = _ids_of(sql.fetch(_SAME_ID, [called])) if called else set()
    found = about | naming_them | unheard | set(_found_by_reading(hashes))
    return sql.execute(_FORGET, [now, sorted(found)]) if found else 0


def _ids_of(rows: Iterable[tuple[int]]) -> set[int]:
    return {row[0] for row in rows}


def _found_by_reading(hashes: list[str]) -> Iterator[int]:
    """Of the bodies that nobody read yet, or that name more people than were noted."""
    key = addresses.address_key()
    for statement, given in ((_UNREAD, []), (_MARKED, [[naming.MANY]])):
        last = 0
        while rows := sql.fetch(statement, [*given, last, CHUNK]):
            last = rows[-1][0]
            yield from (inbox_id for inbox_id, body in rows if naming.names_any(bytes(body), hashes, key))
