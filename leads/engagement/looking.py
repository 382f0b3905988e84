"""Whoever fell due, and everybody when the thresholds changed or once a night: looked at in SQL, in chunks.

`Lead.tier_due_at` says when somebody may fall. It may say too early (an act does not move it), never too late, so a
tick costs what is due. A pass over all goes through the leads in the order of their ids and keeps its place on the
workspace's row: a worker that dies delays, a second one takes the next chunk, and no lock is held for long.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from leads.engagement.acts import ACT
from leads.tiers import Thresholds
from lifecycle.core import sql, ticks
from lifecycle.core.deadlocks import atomic_with_retry
from lifecycle.core.nudging import nudge

logger = logging.getLogger(__name__)

PROCESS = "leads.tasks.process_pending"
BATCH, CHUNK = 1_000, 10_000
# What the person did a moment ago may wait to be processed: then they are no quieter than they were.
_DUE = """
    SELECT l.id FROM leads_lead l
    WHERE l.tier_due_at <= %b
      AND NOT EXISTS (SELECT FROM leads_pendingevent p WHERE p.lead_id = l.id AND p.dead_at IS NULL)
    ORDER BY l.tier_due_at LIMIT %b FOR NO KEY UPDATE OF l SKIP LOCKED
"""
# What `leads.tiers` says, of leads that a condition names. Acts are counted only of whom the last is in the window.
_LOOKED = f"""
    SELECT l.id, l.engagement_tier AS before, l.tier_since, l.tier_due_at, said.after,
           CASE said.after WHEN 'most_engaged' THEN known.nth + known.most
                           WHEN 'engaged' THEN known.since + known.engaged
                           WHEN 'quiet' THEN known.since + known.quiet END AS due_at,
           CASE said.after WHEN 'dormant' THEN known.since + known.quiet
                           WHEN 'quiet' THEN known.since + known.engaged
                           ELSE least(known.since, known.now) END AS began_at
    FROM leads_lead l CROSS JOIN LATERAL (
        SELECT coalesce(l.last_human_act_at, l.created_at) AS since, given.*,
            CASE WHEN l.last_human_act_at > given.now - given.most THEN (
                SELECT e.occurred_at FROM leads_event e
                WHERE e.lead_id = l.id AND e.occurred_at > given.now - given.most AND {ACT}
                ORDER BY e.occurred_at DESC, e.id DESC OFFSET given.acts - 1 LIMIT 1) END AS nth
        FROM (SELECT %b::timestamptz AS now, %b::int AS acts, %b::interval AS most, %b::interval AS engaged,
                     %b::interval AS quiet) given
    ) known CROSS JOIN LATERAL (
        SELECT CASE WHEN known.now < known.nth + known.most THEN 'most_engaged'
                    WHEN known.now < known.since + known.engaged THEN 'engaged'
                    WHEN known.now < known.since + known.quiet THEN 'quiet' ELSE 'dormant' END AS after
    ) said
"""  # noqa: S608 - ours
# For leads that are held. A first look tells nothing: nobody moved.
_BRING = f"""
    WITH looked AS MATERIALIZED ({_LOOKED} WHERE l.id = ANY(%b::bigint[])), brought AS (
        UPDATE leads_lead l SET engagement_tier = looked.after, tier_due_at = looked.due_at,
            tier_since = CASE WHEN looked.tier_since IS NULL THEN looked.began_at
                              WHEN looked.after <> looked.before THEN %b::timestamptz ELSE l.tier_since END,
            updated_at = CASE WHEN looked.after <> looked.before THEN greatest(l.updated_at, %b::timestamptz)
                              ELSE l.updated_at END
        FROM looked WHERE looked.id = l.id
    ), told AS (
        INSERT INTO leads_event (recorded_at, lead_id, kind, properties, occurred_at, source, key, depth)
        SELECT %b::timestamptz, id, 'tier.changed', jsonb_build_object('before', before, 'after', after),
               %b::timestamptz, 'engine', 'tier:' || gen_random_uuid(), 0
        FROM looked WHERE after <> before AND tier_since IS NOT NULL ORDER BY id RETURNING id, lead_id
    ), waiting AS (
        INSERT INTO leads_pendingevent (event_id, lead_id, attempts, error) SELECT id, lead_id, 0, '' FROM told
    )
    SELECT count(*) FROM told
"""  # noqa: S608 - ours
_DIFFERENT = f"""
    SELECT id, EXISTS (SELECT FROM leads_pendingevent p WHERE p.lead_id = looked.id AND p.dead_at IS NULL)
    FROM ({_LOOKED} WHERE l.id > %b AND l.id <= %b) looked
    WHERE before <> after OR tier_since IS NULL
       OR due_at IS DISTINCT FROM tier_due_at AND NOT coalesce(tier_due_at < due_at, false)
"""  # noqa: S608 - ours
_SOON = """
    UPDATE leads_lead SET tier_due_at = %b WHERE id = ANY(%b::bigint[]) AND coalesce(tier_due_at > %b, true)
"""
_HOLD = "SELECT id FROM leads_lead WHERE id = ANY(%b::bigint[]) ORDER BY id FOR NO KEY UPDATE"
_WORKSPACE = """
    SELECT tier_most_acts, tier_most_days, tier_engaged_days, tier_quiet_days, tiers_built_for, tiers_built_to
    FROM leads_workspace WHERE id = 1
"""
_OURS = f"{_WORKSPACE} FOR NO KEY UPDATE SKIP LOCKED"
_REACHED = "SELECT count(*), max(id) FROM (SELECT id FROM leads_lead WHERE id > %b ORDER BY id LIMIT %b) AS part"
_MARK = "UPDATE leads_workspace SET tiers_built_for = %b, tiers_built_to = %b WHERE id = 1"
_AGAIN = "UPDATE leads_workspace SET tiers_built_to = coalesce(tiers_built_to, 0) WHERE id = 1"


class Looked(NamedTuple):
    """How many were looked at closely, and how many of them moved."""

    leads: int = 0
    moves: int = 0


@ticks.when("""
    EXISTS (SELECT FROM leads_lead WHERE tier_due_at <= %(now)b)
    OR EXISTS (SELECT FROM leads_workspace WHERE id = 1 AND (tiers_built_to IS NOT NULL OR tiers_built_for <>
               concat_ws(':', tier_most_acts, tier_most_days, tier_engaged_days, tier_quiet_days)))
""")
def drain(*, now: datetime, limit: int = BATCH, most: int = 200) -> int:
    """Go on with a pass over all if one is due, and look at everybody who is due; how many changed or were due."""
    total = 0
    for step in (_pass, _sweep):
        for _ in range(most):
            looked = step(now, limit)
            if looked is None:
                break
            total += looked.leads
    return total


def verify(*, now: datetime) -> int:
    """Begin a pass over all, to mend what nobody told of; how many it found so far. `drain` goes on with it."""
    sql.execute(_AGAIN)
    found = drain(now=now)
    if found:
        logger.warning("the pass over all tiers brought %d leads in line", found)
    return found


def progress() -> int | None:
    """Up to which lead a pass under way has come; None if all tiers follow the thresholds of now."""
    found = sql.fetch(_WORKSPACE)
    if not found:
        return None
    *thresholds, built_for, built_to = found[0]
    return built_to if built_for == _name(Thresholds(*thresholds)) else 0


@atomic_with_retry
def _sweep(now: datetime, limit: int) -> Looked | None:
    """One batch of those who are due; None if nobody is. Parallel ones share the work."""
    ids = [row[0] for row in sql.fetch(_DUE, [now, limit])]
    return _bring(ids, thresholds(), now) if ids else None


@atomic_with_retry
def _pass(now: datetime, limit: int) -> Looked | None:
    """One chunk of the pass over all; None if there is none under way, or another worker is at it."""
    found = sql.fetch(_OURS)
    if not found:
        return None
    *numbers, built_for, built_to = found[0]
    wanted = Thresholds(*numbers)
    if built_for != _name(wanted):
        built_to = 0
    if built_to is None:
        return None
    count, last = sql.fetch(_REACHED, [built_to, CHUNK])[0]
    looked = Looked()
    if count:
        # Asked without locks; then, holding those who differ, what is still so is written.
        different = dict(sql.fetch(_DIFFERENT, [*_given(wanted, now), built_to, last]))
        sql.fetch(_HOLD, [sorted(different)])
        looked = _bring([lead_id for lead_id, is_behind in different.items() if not is_behind], wanted, now)
        behind = [lead_id for lead_id, is_behind in different.items() if is_behind]
        if behind:  # when their acts are processed
            sql.execute(_SOON, [now, behind, now])
    sql.execute(_MARK, [_name(wanted), last if count == CHUNK else None])
    return looked


def _bring(ids: Sequence[int], wanted: Thresholds, now: datetime) -> Looked:
    """Write tier, since when, and when to look again, of leads that are held."""
    if not ids:
        return Looked()
    moves = sql.fetch(_BRING, [*_given(wanted, now), list(ids), now, now, now, now])[0][0]
    if moves:
        nudge(PROCESS)
    return Looked(len(ids), moves)


def thresholds() -> Thresholds:
    """As the workspace has them now."""
    found = sql.fetch(_WORKSPACE)
    return Thresholds(*found[0][:4]) if found else Thresholds()


def _given(wanted: Thresholds, now: datetime) -> list[Any]:
    return [now, wanted.most_acts, wanted.most, wanted.engaged, wanted.quiet]


def _name(wanted: Thresholds) -> str:
    """The thresholds as one text."""
    return ":".join(map(str, wanted))
