"""The first phase of sending: lock due messages, check each, render what may go, commit `sending` with a lease."""

import logging
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.broadcasts import sending
from campaigns.engine.deciding import Journey
from campaigns.engine.steps import SendStep
from campaigns.running import decisions, exits, journeys, people
from campaigns.sending import checks, composing, holidays, rates, settling, timing
from campaigns.sending.delivery.contract import Outgoing
from campaigns.sending.judging import Due, Limits, Verdicts, judge
from leads.models import Workspace
from lifecycle.core import rules, sql
from lifecycle.core.deadlocks import atomic_with_retry

logger = logging.getLogger(__name__)


_DUE_MAIL = """
    SELECT m.id, m.key, m.lead_id, m.enrollment_id, m.template_version_id, m.message_class, m.topic_id, m.context,
           m.priority, m.due_at, m.expires_at, m.attempts,
           CASE e.exit_reason WHEN 'completed' THEN 'completed' ELSE e.state END,
           e.version_id, e.goal_since, e.context, l.address_hash, m.is_shadow, m.step_key, m.variant_key,
           m.reason LIKE 'rate:%%', m.broadcast_run_id, e.key,
           CASE WHEN e.step_key = m.step_key THEN e.step_since END, l.sunset_at
    FROM campaigns_message m
    JOIN leads_lead l ON l.id = m.lead_id
    LEFT JOIN campaigns_sequence s ON s.id = m.sequence_id
    LEFT JOIN campaigns_enrollment e ON e.id = m.enrollment_id
    WHERE m.state = 'ready' AND NOT m.is_held AND s.frozen_at IS NULL AND m.due_at <= %b
"""
_UNSTALE = """
      AND NOT EXISTS (SELECT 1 FROM leads_pendingevent p WHERE p.lead_id = m.lead_id AND p.dead_at IS NULL)
    ORDER BY m.due_at
    LIMIT %b
    FOR NO KEY UPDATE OF l, m SKIP LOCKED
"""
_DUE = _DUE_MAIL + _UNSTALE
# Their leads are locked already.
_RIVALS = _DUE_MAIL + " AND m.id = ANY(%b::bigint[]) FOR NO KEY UPDATE OF m SKIP LOCKED"
# These run after the locks, so they see whatever was committed before this claim can commit.
_BEHIND = "SELECT DISTINCT lead_id FROM leads_pendingevent WHERE lead_id = ANY(%b::bigint[]) AND dead_at IS NULL"
# Marketing mail that people got in the cap's days, and other mails of theirs that are due now, without a time.
_MARKETING = """
    SELECT lead_id, id, CASE state WHEN 'ready' THEN NULL ELSE claimed_at END FROM campaigns_message
    WHERE lead_id = ANY(%b::bigint[]) AND message_class = 'marketing'
      AND (state IN ('sending', 'sent', 'unknown') AND claimed_at > %b
           OR state = 'ready' AND NOT is_held AND due_at <= %b)
"""
_TAKE = """
    UPDATE campaigns_message m
    SET state = 'sending', reason = '', subject = given.subject, attempts = attempts + 1, claimed_at = %b,
        lease_token = %b, lease_until = clock_timestamp() + %b, handed_at = NULL, stop_reason = '',
        checks = given.checks::jsonb
    FROM unnest(%b::bigint[], %b::text[], %b::text[]) AS given (id, subject, checks)
    WHERE m.id = given.id
"""
_DEFER = """
    UPDATE campaigns_message m SET due_at = given.until, reason = given.reason, checks = given.checks::jsonb
    FROM unnest(%b::bigint[], %b::timestamptz[], %b::text[], %b::text[]) AS given (id, until, reason, checks)
    WHERE m.id = given.id
"""


@dataclass
class Claim:
    """What was taken, rendered, and what the others got instead. `token` fences everything done with it later."""

    token: uuid.UUID
    looked_at: int = 0
    deferred: int = 0
    dropped: int = 0
    mails: list[Outgoing] = field(default_factory=list)


@atomic_with_retry
def claim(*, limit: int, now: datetime, turns: rates.Turns | None = None) -> Claim:
    """Take up to `limit` due messages for sending, in one transaction and a fixed number of queries.

    Highest priority first decides who gets the free slots of a cap, also against mails of the same person that are due
    beyond `limit`; the rest wait for theirs. `turns`: what the sender account takes now; None: anything. People with
    unprocessed events are passed over: nobody is mailed on stale knowledge.
    """
    taken = Claim(uuid.uuid4())
    due = _current([Due(*row) for row in sql.fetch(_DUE, [now, limit])])
    if not due:
        return taken
    workspace = Workspace.load()
    limits = _limits(due, workspace, turns, now)
    due += limits.rivals
    known = journeys.load({mail.version_id for mail in due if mail.version_id is not None})
    needs = rules.Needs().merge(*(journey.send_needs for journey in known.values()))
    persons = people.load({mail.lead_id: now for mail in due}, needs, workspace)
    sending.load(mail.broadcast_run_id for mail in due)
    windows = set(map(sending.window_of, due)).union(*(journey.windows for journey in known.values()))
    limits.calendar = timing.Calendar(timing.quiet(workspace), holidays.load(windows, now=now))
    verdicts = judge(due, known, persons, limits, now)
    taken.mails, broken = composing.compose(
        verdicts.go, persons, workspace, now=now, subjects=_subjects(verdicts.go, known) | sending.subjects(verdicts.go)
    )
    verdicts.never += [(mail, checks.Drop("failed", f"render: {problem}"[:250])) for mail, problem in broken]
    _write(taken, verdicts, now)
    taken.looked_at = len(due)
    return taken


def _current(due: list[Due]) -> list[Due]:
    """Without people whose events came in between our look and our lock."""
    behind = {row[0] for row in sql.fetch(_BEHIND, [[mail.lead_id for mail in due]])} if due else set()
    return [mail for mail in due if mail.lead_id not in behind]


def _subjects(mails: Iterable[Due], known: dict[int, Journey]) -> dict[int, str]:
    """Message id → the subject its variant has instead of the mail's own."""
    subjects: dict[int, str] = {}
    for mail in mails:
        journey = known.get(mail.version_id) if mail.version_id is not None and mail.variant_key else None
        step = journey.step(mail.step_key) if journey else None
        if isinstance(step, SendStep):
            subjects[mail.id] = next((each.subject for each in step.variants if each.key == mail.variant_key), "")
    return {message_id: subject for message_id, subject in subjects.items() if subject}


def _limits(due: list[Due], workspace: Workspace, turns: rates.Turns | None, now: datetime) -> Limits:
    """The cap's past of these people, and other mails of theirs that want the same slots. One query, mostly."""
    limits = Limits(checks.Policy(workspace.cap_messages, workspace.cap_days), turns or rates.Turns(""))
    wanted = Counter(mail.lead_id for mail in due if mail.is_marketing)
    if not wanted:
        return limits
    here, others = {mail.id for mail in due}, defaultdict(list)
    since = now - timedelta(days=limits.policy.cap_days)
    for lead_id, message_id, at in sql.fetch(_MARKETING, [list(wanted), since, now]):
        if at is not None:
            limits.times[lead_id].append(at)
        elif message_id not in here:
            others[lead_id].append(message_id)
    scarce = [
        message_id
        for lead_id, ids in others.items()
        if len(limits.times[lead_id]) + wanted[lead_id] + len(ids) > limits.policy.cap_messages
        for message_id in ids
    ]
    limits.rivals = [Due(*row) for row in sql.fetch(_RIVALS, [now, scarce])] if scarce else []
    return limits


def _write(taken: Claim, verdicts: Verdicts, now: datetime) -> None:
    if taken.mails:
        ids, subjects = [mail.message_id for mail in taken.mails], [mail.subject[:250] for mail in taken.mails]
        seen = [verdicts.seen[message_id] for message_id in ids]
        sql.execute(_TAKE, [now, taken.token, settling.LEASE, ids, subjects, seen])
    if verdicts.later:
        deferred, outcomes = zip(*verdicts.later, strict=True)
        untils, reasons = [later.until for later in outcomes], [later.reason for later in outcomes]
        found = [verdicts.seen.get(mail.id) for mail in deferred]
        sql.execute(_DEFER, [[mail.id for mail in deferred], untils, reasons, found])
    settling.close([(mail.id, drop.state, drop.reason) for mail, drop in verdicts.never], now=now, seen=verdicts.seen)
    exits.end(
        [
            exits.Exit(mail.enrollment_id, drop.exit_reason, drop.exit_event)
            for mail, drop in verdicts.never
            if drop.exit_reason and mail.enrollment_id is not None
        ],
        now=now,
    )
    looked: list[tuple[Due, checks.Defer | checks.Drop]] = [*verdicts.later, *verdicts.never]
    decisions.note([_looked(mail, verdict) for mail, verdict in looked], now=now)
    taken.deferred, taken.dropped = len(verdicts.later), len(verdicts.never)


def _looked(mail: Due, verdict: checks.Defer | checks.Drop) -> decisions.Made:
    return decisions.of_check(
        verdict,
        lead_id=mail.lead_id,
        message_id=mail.id,
        enrollment_id=mail.enrollment_id,
        step_key=mail.step_key,
    )
