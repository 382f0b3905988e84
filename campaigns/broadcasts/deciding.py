"""The end of a test: the winner is stored with its numbers, and those who waited get it."""

from datetime import datetime

from campaigns.broadcasts import auditing, holding, queuing
from campaigns.broadcasts.choosing import choose
from campaigns.models import BroadcastRun
from lifecycle.core import sql
from lifecycle.core.deadlocks import atomic_with_retry
from lifecycle.core.statistics import Arm

# An unknown mail may have arrived, but nobody can say; a bounced one did not.
_ARMS = """
    SELECT m.variant_key, count(*) AS sent,
           count(*) FILTER (WHERE EXISTS (
               SELECT 1 FROM campaigns_hit h WHERE h.message_id = m.id AND h.kind = 'click' AND h.verdict = 'human'))
    FROM campaigns_message m
    WHERE m.broadcast_run_id = %b AND m.state = 'sent' AND NOT EXISTS (
        SELECT 1 FROM campaigns_providerevent p WHERE p.message_id = m.id AND p.kind = 'bounced')
    GROUP BY m.variant_key
"""
# Rows of the holdback have no variant. One that a person holds gets the winner too, and stays held.
_LET_GO = """
    UPDATE campaigns_message m
    SET template_version_id = v.id, message_class = v.message_class, topic_id = v.topic_id, variant_key = %b,
        is_held = (m.reason = %b), reason = CASE m.reason WHEN %b THEN m.reason ELSE '' END,
        due_at = place.due_at, expires_at = place.due_at + %b::interval
    FROM campaigns_templateversion v,
         (SELECT id, %b::timestamptz + ((row_number() OVER (ORDER BY id) - 1) * %b::interval) AS due_at
          FROM campaigns_message
          WHERE broadcast_run_id = %b AND state = 'ready' AND variant_key = '' AND is_held) AS place
    WHERE v.id = %b AND m.id = place.id AND m.state = 'ready' AND m.is_held
"""


def decide_due(*, now: datetime) -> int:
    """Choose the winner of every test whose time is over; how many were chosen."""
    due = BroadcastRun.objects.filter(state=BroadcastRun.State.TESTING, paused_at=None, decide_at__lte=now)
    return sum(decide(run_id, now=now) for run_id in due.order_by("pk").values_list("pk", flat=True))


@atomic_with_retry
def decide(run_id: int, *, now: datetime, key: str = "") -> bool:
    """End the test of a run and let its holdback go; with `key` a person chose.

    False if it is not in its test, or stands still: nobody would hold those who are let go.
    """
    locked = BroadcastRun.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    run = locked.select_related("broadcast").filter(pk=run_id, state=BroadcastRun.State.TESTING, paused_at=None).first()
    if run is None:
        return False
    mails = {mail["key"]: mail for mail in run.variants}
    chosen = choose(arms_of(run), {key: mail["weight"] for key, mail in mails.items()})
    run.winner_key, run.winner_reason = chosen.key, chosen.reason[:250]
    if key in mails:
        run.winner_key, run.winner_reason = key, f"experiment: {key} was chosen by hand"
    run.state = BroadcastRun.State.SENDING
    run.decide_at = now
    run.save(update_fields=["winner_key", "winner_reason", "state", "decide_at"])
    count = _let_go(run, mails[run.winner_key]["version"], now)
    auditing.note(run.broadcast, "decided", run=run, reason=run.winner_reason, people=count, now=now)
    return True


def arms_of(run: BroadcastRun) -> list[Arm]:
    """The variants of a run as they stand, in their order."""
    found = {key: (sent, clicked) for key, sent, clicked in sql.fetch(_ARMS, [run.pk])}
    weighed = [mail for mail in run.variants if mail["weight"]]
    return [Arm(mail["key"], *found.get(mail["key"], (0, 0))) for mail in weighed]


def _let_go(run: BroadcastRun, version: int, now: datetime) -> int:
    per_hour = run.broadcast.per_hour
    each = f"{3600 / per_hour} seconds" if per_hour else "0 seconds"
    return sql.execute(
        _LET_GO,
        [
            run.winner_key,
            holding.BY_HAND,
            holding.BY_HAND,
            queuing.expiry(run.broadcast),
            now,
            each,
            run.pk,
            version,
        ],
    )
