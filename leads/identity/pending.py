"""Act on the calls that say who is who: people found or made, histories joined, in one transaction a batch.

Everything a call does and the mark that it is done commit together. What the engine makes of it (scores, stages,
sequences) is the pipeline's work, which finds the joined events waiting.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from django.db import OperationalError

from leads import failing, filling, log, traits, visitors
from leads.batch import LeadRow, flush_leads
from leads.failing import place_of
from leads.filling import IDENTIFIED, JOINED
from leads.identity import calls as queue
from leads.identity.calls import Call
from leads.identity.deciding import Decider, Naming
from leads.identity.people import Moved, People, find_accounts
from leads.log import NewEvent
from leads.suspicion import suspect
from leads.traits import Traits
from lifecycle.core import sql, ticks
from lifecycle.core.deadlocks import atomic_with_retry

logger = logging.getLogger(__name__)

LOOKS = 3
AT_ONCE = 500
PATIENCE = "5s"
_ACCOUNT_SEEDS = ("company_name", "company_size", "industry", "country", "timezone")
_LINK = """
    UPDATE leads_visitor v SET same_as_id = given.user_id
    FROM unnest(%b::bigint[], %b::bigint[]) AS given (id, user_id) WHERE v.id = given.id AND v.same_as_id IS NULL
"""
_DONE = "DELETE FROM leads_pendingidentity WHERE event_id = ANY(%b::bigint[])"


@dataclass(frozen=True, slots=True)
class IdentityCounts:
    """What a pass did: calls acted on, leads made and changed, visitors that became somebody, pairs to look at.

    `failed` counts attempts, `left` calls that were in other hands.
    """

    calls: int = 0
    created: int = 0
    updated: int = 0
    joined: int = 0
    suspected: int = 0
    failed: int = 0
    left: int = 0
    lead_ids: frozenset[int] = frozenset()

    def __add__(self, other: "IdentityCounts") -> "IdentityCounts":
        summed = {one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)[:-1]}
        return IdentityCounts(**summed, lead_ids=self.lead_ids | other.lead_ids)


def identify_pending(*, limit: int = 200, event_ids: Sequence[int] | None = None, now: datetime) -> IdentityCounts:
    """Act on up to `limit` waiting calls, the oldest first; nothing waiting gives zero counts.

    A call that fails is tried again with later passes and is dead after five attempts; nobody else is held up by it.
    """
    taken: list[int] = []
    try:
        return _looked_at_again(limit, event_ids, taken, now=now)
    except OperationalError:
        raise
    except Exception:
        if not taken:
            raise
        logger.warning("a batch of %d identity calls failed, its halves are tried by themselves", len(taken))
        return _apart(taken, now=now)


@ticks.when("EXISTS (SELECT FROM leads_pendingidentity WHERE dead_at IS NULL)")
def drain(*, limit: int = 200, most: int = 500, now: datetime) -> IdentityCounts:
    """Batch after batch until nothing waits, only failures are left, or `most` batches are done."""
    total = IdentityCounts()
    for _ in range(most):
        try:
            counts = identify_pending(limit=limit, now=now)
        except OperationalError as error:  # a deadlock that came back each time: the next tick is calmer
            logger.warning("identity calls wait for the next tick: %s", place_of(error))
            break
        total += counts
        if not counts.calls:
            break
    return total


def identify_at_once(event_ids: Sequence[int], *, now: datetime) -> frozenset[int]:
    """For doors, after the commit of the calls: act before answering; the leads they were about.

    Never raises: the sweep will do what could not be done.
    """
    lead_ids: frozenset[int] = frozenset()
    try:
        for start in range(0, len(event_ids), AT_ONCE):
            part = event_ids[start : start + AT_ONCE]
            lead_ids |= identify_pending(limit=len(part), event_ids=part, now=now).lead_ids
    except Exception as error:
        logger.error("some of %d identity calls wait for the sweep: %s", len(event_ids), place_of(error))
    return lead_ids


def _looked_at_again(limit: int, event_ids: Sequence[int] | None, taken: list[int], *, now: datetime) -> IdentityCounts:
    for _ in range(LOOKS):
        try:
            return _act(limit, event_ids, taken, now=now)
        except Moved:
            continue
    return IdentityCounts(left=len(taken))


@atomic_with_retry
def _act(limit: int, event_ids: Sequence[int] | None, taken: list[int], *, now: datetime) -> IdentityCounts:
    """One batch in one transaction: `taken` tells its calls, also when it fails."""
    taken.clear()
    if event_ids is not None:  # a door waits, but not for ever
        sql.fetch("SELECT set_config('lock_timeout', %b, true)", [PATIENCE])
    batch = queue.claim(limit=limit, event_ids=event_ids, now=now)
    if not batch:
        return IdentityCounts()
    taken += [call.event_id for call in batch]
    people = People(batch, now=now)
    decider = Decider(people.visitors.values())
    said = [(call, row) for call in batch if (row := _about(call, people, decider)) is not None]
    decided = decider.decided
    changed = _fill(said, people.created, now=now)
    if decided.links:
        sql.execute(_LINK, [list(decided.links), list(decided.links.values())])
    visitors.bring({one: people.rows[lead_id] for one, lead_id in decided.owners.items()}, now=now)
    flush_leads(people.rows.values(), now=now)
    log.write(_events(people.created, changed), now=now, pending=True)
    suspected = suspect(decided.suspects, now=now)
    sql.execute(_DONE, [taken])
    updated = len([lead_id for lead_id, columns in changed.items() if columns and lead_id not in people.created])
    about = frozenset({row.id for _, row in said} | {*decided.owners.values()})
    return IdentityCounts(len(batch), len(people.created), updated, len(decided.owners), suspected, lead_ids=about)


def _about(call: Call, people: People, decider: Decider) -> LeadRow | None:
    """Let a call count for who is who; the lead that its traits describe: that of its address, else the visitor's."""
    row = people.at(call.address) if call.address else None
    if call.kind != JOINED:
        lead_id = row.id if row else None
        decider.name(Naming(call.visitor_id, lead_id, call.browser_id, call.previous_ids))
    owner = decider.owner(call.visitor_id)
    return row or (people.rows[owner] if owner is not None else None)


def _fill(said: Sequence[tuple[Call, LeadRow]], created: Sequence[int], *, now: datetime) -> dict[int, list[str]]:
    """Bring the calls' traits to their leads, in order; the columns that changed, by lead."""
    changed: dict[int, list[str]] = {row.id: [] for _, row in said}
    read = [(row, traits.read(call.traits)) for call, row in said if call.kind == IDENTIFIED]
    _seed_accounts(read, created, changed, now=now)
    for row, heard in read:
        changed[row.id] += filling.by_traits(row, heard, now=now)
    companies: dict[int, dict[str, object]] = {}
    for call, row in said:
        facts = traits.account(call.traits) if call.kind == JOINED else {}
        if facts and row["company_id"] is not None:
            companies[row["company_id"]] = facts | companies.get(row["company_id"], {})
        elif facts:
            changed[row.id] += filling.join_account(row, facts)
    filling.describe(companies)
    return changed


def _seed_accounts(
    read: Sequence[tuple[LeadRow, Traits]], created: Sequence[int], changed: dict[int, list[str]], *, now: datetime
) -> None:
    """The accounts of new people in one statement, made with what these say of their company."""
    new = [(row, heard) for row, heard in read if row.id in created]
    for row, heard in new:
        seeds = {column: heard.columns[column] for column in _ACCOUNT_SEEDS if column in heard.columns}
        changed[row.id] += [column for column, value in seeds.items() if row.set(column, value)]
    find_accounts((row for row, _ in new), now=now)


def _events(created: Sequence[int], changed: dict[int, list[str]]) -> list[NewEvent]:
    events = []
    for lead_id, columns in changed.items():
        if lead_id in created or columns:
            kind = "lead.created" if lead_id in created else "lead.updated"
            events.append(NewEvent(lead_id, kind, {"fields": sorted(set(columns))}, source="track"))
    return events


def _apart(event_ids: list[int], *, now: datetime) -> IdentityCounts:
    """Halves, quarters … down to the calls that cannot be acted on; all others are."""
    if len(event_ids) == 1:
        return _alone(event_ids[0], now=now)
    middle = len(event_ids) // 2
    counts = IdentityCounts()
    for part in (event_ids[:middle], event_ids[middle:]):
        try:
            counts += _looked_at_again(len(part), part, [], now=now)
        except OperationalError:
            counts += IdentityCounts(left=len(part))
        except Exception:
            counts += _apart(part, now=now)
    return counts


def _alone(event_id: int, *, now: datetime) -> IdentityCounts:
    try:
        return _looked_at_again(1, [event_id], [], now=now)
    except OperationalError:
        return IdentityCounts(left=1)
    except Exception as error:
        attempts = failing.count("leads_pendingidentity", event_id, error, now=now)
        logger.error("identity call %s failed, attempt %s: %s", event_id, attempts, place_of(error))
        return IdentityCounts(failed=1)
