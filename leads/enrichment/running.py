"""Companies are looked up by their mail domain: claimed under a lease, asked with no transaction open, filled at once.

The lease is the time they are due: a claim moves it on, and only who finds it as it was claimed may write. Only what is
blank is filled; a person's word about a company stays.
"""

import logging
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

from leads.enrichment.contract import CompanyFacts, Provider, Unavailable
from leads.enrichment.registry import providers
from leads.models import Company
from lifecycle.core import sql
from lifecycle.core.deadlocks import atomic_with_retry
from lifecycle.core.nudging import nudge

logger = logging.getLogger(__name__)

AT_ONCE = 4
BATCH = 40
LEASE = timedelta(minutes=15)
# A turn of a worker, so that a slow provider neither keeps it from all else nor meets the task's time limit.
SECONDS = 60.0
BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (5, 30, 120, 360, 720, 1440))
MOST_ATTEMPTS = len(BACKOFF) + 1

_CLAIM = """
    UPDATE leads_company SET enrichment_due_at = %b::timestamptz, enrichment_attempts = enrichment_attempts + 1
    WHERE id IN (SELECT id FROM leads_company WHERE enrichment_due_at <= %b ORDER BY enrichment_due_at LIMIT %b
                 FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id, domain, enrichment_attempts
"""
# What rules and clocks read of a company; when one of these is new, its people are judged again.
_SETTLE = """
    WITH given AS (
        SELECT * FROM unnest(%b::bigint[], %b::text[], %b::int[], %b::text[], %b::text[], %b::text[], %b::text[],
                             %b::text[], %b::text[], %b::timestamptz[])
            AS given (id, name, size, industry, country, time_zone, facts, provider, error, due_at)
    ), before AS (
        SELECT c.id, c.size, c.industry, c.time_zone FROM leads_company c JOIN given ON given.id = c.id
        WHERE c.enrichment_due_at = %b ORDER BY c.id FOR NO KEY UPDATE OF c
    ), after AS (
        UPDATE leads_company c
        SET name = CASE WHEN c.name IN ('', c.domain) AND given.name <> '' THEN given.name ELSE c.name END,
            size = coalesce(c.size, given.size),
            industry = CASE c.industry WHEN '' THEN given.industry ELSE c.industry END,
            country = CASE c.country WHEN '' THEN given.country ELSE c.country END,
            time_zone = CASE c.time_zone WHEN '' THEN given.time_zone ELSE c.time_zone END,
            facts = c.facts || given.facts::jsonb,
            enriched_by = CASE given.provider WHEN '' THEN c.enriched_by ELSE given.provider END,
            enriched_at = CASE given.provider WHEN '' THEN c.enriched_at ELSE %b::timestamptz END,
            enrichment_due_at = given.due_at, enrichment_error = given.error,
            enrichment_attempts = CASE WHEN given.due_at IS NULL THEN 0 ELSE c.enrichment_attempts END
        FROM given JOIN before ON before.id = given.id WHERE c.id = given.id
        RETURNING c.id, c.size, c.industry, c.time_zone
    )
    SELECT after.id FROM after JOIN before ON before.id = after.id
    WHERE (after.size, after.industry, after.time_zone)
          IS DISTINCT FROM (before.size, before.industry, before.time_zone)
"""
_TELL = """
    WITH fresh AS (
        INSERT INTO leads_event (recorded_at, lead_id, kind, properties, occurred_at, source, key, depth)
        SELECT %b::timestamptz, l.id, 'company.enriched',
               jsonb_build_object('company', c.id, 'domain', c.domain, 'by', c.enriched_by),
               %b::timestamptz, 'enrichment', c.id || ':' || l.id || ':' || %b::text, 0
        FROM leads_lead l JOIN leads_company c ON c.id = l.company_id WHERE c.id = ANY(%b::bigint[]) ORDER BY l.id
        ON CONFLICT (source, key) DO NOTHING RETURNING id, lead_id
    )
    INSERT INTO leads_pendingevent (event_id, lead_id, attempts, error) SELECT id, lead_id, 0, '' FROM fresh
"""


class Asked(NamedTuple):
    id: int
    domain: str
    attempts: int  # this one included


@dataclass(slots=True)
class Round:
    """The providers of a turn, and those that said they would not answer anything for now."""

    providers: Sequence[Provider]
    resting: dict[str, Unavailable] = field(default_factory=dict)


@dataclass(slots=True)
class Found:
    """What the providers said of a company together; `due_at`: when one of them is asked again."""

    asked: Asked
    known: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    by: list[str] = field(default_factory=list)
    error: str = ""
    due_at: datetime | None = None


def drain(*, now: datetime, seconds: float = SECONDS) -> int:
    """Look up the companies that are due, in batches, for about so many seconds; how many were asked about."""
    total, until = 0, monotonic() + seconds
    round_ = Round(providers())
    while monotonic() < until:
        lease, asked = claim(now=now)
        if not asked:
            break
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = list(pool.map(partial(look_up, round_=round_, now=now), asked))
        settle(found, lease=lease, now=now)
        total += len(asked)
    return total


@atomic_with_retry
def claim(*, now: datetime, limit: int = BATCH) -> tuple[datetime, list[Asked]]:
    """Take companies that are due; their due time is the lease that comes back."""
    lease = now + LEASE + timedelta(microseconds=random.randrange(1_000_000))
    return lease, [Asked(*row) for row in sql.fetch(_CLAIM, [lease, now, limit])]


def look_up(asked: Asked, *, round_: Round, now: datetime) -> Found:
    """Ask every provider; one that cannot answer is asked again later, the others count already. No database."""
    found = Found(asked)
    for provider in round_.providers:
        try:
            if resting := round_.resting.get(provider.slug):
                raise resting
            told = provider.look_up(asked.domain)
        except Unavailable as failure:
            if failure.rests:
                round_.resting[provider.slug] = failure
            _later(found, provider, str(failure), failure.retry_after, now)
        except Exception as error:  # a provider of somebody else's must not stop the others
            logger.error("the provider %s failed: %s", provider.slug, type(error).__name__)
            _later(found, provider, f"failed: {type(error).__name__}", None, now)
        else:
            if told is not None:
                _add(found, provider, told)
    return found


@atomic_with_retry
def settle(found: Sequence[Found], *, lease: datetime, now: datetime) -> int:
    """Write what was found into what is blank; people of companies that changed are judged again. How many changed."""
    columns: list[list[Any]] = [
        [one.asked.id for one in found],
        [one.known.get("name", "") for one in found],
        [one.known.get("size") for one in found],
        *([one.known.get(name, "") for one in found] for name in ("industry", "country", "time_zone")),
        [sql.to_json(one.facts) for one in found],
        [", ".join(one.by)[:40] for one in found],
        [one.error[:250] for one in found],
        [one.due_at for one in found],
    ]
    changed = [row[0] for row in sql.fetch(_SETTLE, [*columns, lease, now])]
    if changed:
        sql.execute(_TELL, [now, now, lease.isoformat(), changed])
        nudge("leads.tasks.process_pending")
    return len(changed)


def ask_again(company_ids: Sequence[int], *, now: datetime) -> int:
    """Look these companies up at the next tick, whatever came of it before."""
    return Company.objects.filter(pk__in=company_ids).update(
        enrichment_due_at=now, enrichment_attempts=0, enrichment_error=""
    )


def _add(found: Found, provider: Provider, told: CompanyFacts) -> None:
    for name in ("name", "size", "industry", "country", "time_zone"):
        if getattr(told, name) and name not in found.known:
            found.known[name] = getattr(told, name)
    found.facts = {**told.facts, **found.facts}
    found.by.append(provider.slug)


def _later(found: Found, provider: Provider, said: str, asked: timedelta | None, now: datetime) -> None:
    attempts = found.asked.attempts
    if attempts >= MOST_ATTEMPTS:
        found.error = f"{provider.slug}: {said}; gave up after {attempts} attempts"
        return
    own = BACKOFF[attempts - 1] * random.uniform(0.8, 1.2)
    due = now + max(own, asked or timedelta())
    found.error, found.due_at = f"{provider.slug}: {said}", max(due, found.due_at or due)
