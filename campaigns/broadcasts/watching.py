"""The watch over broadcasts under way: too many bounces or complaints pause one, as they freeze a sequence.

What is paused is noted with its reason, shown in the admin until somebody resumes it, and told to the administrator.
"""

import logging
import smtplib
from datetime import datetime

from anymail.exceptions import AnymailError
from django.conf import settings
from django.core.mail import send_mail
from django.db.models import QuerySet

from campaigns.broadcasts import auditing, control
from campaigns.editing import canary, guarding
from campaigns.models import Broadcast, BroadcastChange, BroadcastRun
from lifecycle.core import gate, sql, ticks

logger = logging.getLogger(__name__)

# Runs with a bad report among the newest reports, read backwards by the primary key.
_REPORTED = """
    SELECT DISTINCT m.broadcast_run_id
    FROM (SELECT message_id, kind, at FROM campaigns_providerevent ORDER BY id DESC LIMIT 5000) p
    JOIN campaigns_message m ON m.id = p.message_id
    WHERE p.kind IN ('bounced', 'complained') AND p.at > %b AND m.broadcast_run_id IS NOT NULL
"""


# Halts of late that nobody was told of.
_UNTOLD = """
    SELECT h.id FROM campaigns_broadcastchange h
    WHERE h.action = %b AND h.at > %b AND NOT EXISTS (
        SELECT FROM campaigns_broadcastchange t
        WHERE t.action = %b AND t.at > %b AND t.detail -> 'of' = to_jsonb(h.id))
"""


@ticks.when(f"""
    {guarding.REPORTED_OF_LATE}
    OR EXISTS (SELECT FROM campaigns_broadcastchange WHERE action = '{guarding.HALTED}'
               AND at > %(now)b - interval '{guarding.TOLD_WITHIN.total_seconds()} seconds')
""")
def watch(*, now: datetime) -> int:
    """The tick: pause what must be paused, and tell. How many broadcasts were paused."""
    reported = [row[0] for row in sql.fetch(_REPORTED, [now - guarding.WARN_AGAIN])]
    paused = sum(_watch(run, now) for run in _running(reported)) if reported else 0
    tell(now=now)
    return paused


def _running(run_ids: list[int]) -> "QuerySet[BroadcastRun]":
    runs = BroadcastRun.objects.filter(pk__in=run_ids, state__in=BroadcastRun.OPEN, paused_at=None)
    return runs.select_related("broadcast").order_by("pk")


def _watch(run: BroadcastRun, now: datetime) -> bool:
    """Who resumes a paused one has looked at the mails until then; they do not pause it again."""
    resumed = run.broadcast.changes.filter(action="resumed").values_list("at", flat=True).first()
    since = max(run.started_at, resumed) if resumed else run.started_at
    found = canary.figures_of_run(run.pk, since=since, newest=guarding.NEWEST)
    reason = "; ".join(guarding.over(found, guarding.STOP))
    if not reason or control.pause(run.broadcast, actor=None, now=now) is None:
        return False
    Broadcast.objects.filter(pk=run.broadcast_id).update(note=f"Stopped by itself: {reason}"[:250])
    auditing.note(run.broadcast, guarding.HALTED, run=run, reason=reason, now=now, sent=found.sent)
    return True


def tell(*, now: datetime) -> int:
    """Mail the administrator what was paused; how many mails. At least once, and nothing while sending is locked."""
    if gate.closed(now):
        return 0
    since = now - guarding.TOLD_WITHIN
    untold = [row[0] for row in sql.fetch(_UNTOLD, [guarding.HALTED, since, guarding.ALERTED, since])]
    if not untold:
        return 0
    halts = BroadcastChange.objects.filter(pk__in=untold).select_related("broadcast", "run")
    return sum(_mail(line, now) for line in halts.order_by("pk"))


def _mail(line: BroadcastChange, now: datetime) -> bool:
    url = f"{settings.SITE_URL}/admin/campaigns/broadcast/{line.broadcast_id}/change/"
    text = f"{line.reason}.\n\nNothing of it is sent until you resume it.\n\n{url}"
    try:
        send_mail(f"A broadcast was paused: {line.broadcast.name}", text, None, [settings.ADMIN_EMAIL])
    except (OSError, smtplib.SMTPException, AnymailError) as error:
        logger.warning("the administrator could not be told of a paused broadcast: %s", type(error).__name__)
        return False
    auditing.note(line.broadcast, guarding.ALERTED, run=line.run, now=now, of=line.pk)
    return True
