"""The watch over what comes back: too many bounces, complaints or opt-outs stop a sequence, or end a canary's trial.

Looked at are only sequences with a canary or with a bad report of late, each by its newest mails. What is stopped is
noted, told to the administrator by mail, and shown in the admin until somebody resumes it.
"""

import logging
import smtplib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from anymail.exceptions import AnymailError
from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Q, QuerySet

from campaigns.editing import audit, canary
from campaigns.editing.canary import Figures, figures
from campaigns.models import Sequence, SequenceChange
from campaigns.running import pausing
from lifecycle.core import gate, sql, ticks

logger = logging.getLogger(__name__)

HALTED, WARNED, ALERTED = "halted", "warned", "alerted"


@dataclass(frozen=True, slots=True)
class Limits:
    """Shares of the newest mails. Judged from `least` mails on; a warning is said again after a day."""

    least: int
    bounced: float
    complained: float
    unsubscribed: float


# Mailbox providers act at 0.3 % complaints (Google, Yahoo) and 10 % bounces (Amazon); we stop before they do.
STOP = Limits(least=500, bounced=0.08, complained=0.003, unsubscribed=1.0)
WARN = Limits(least=500, bounced=0.05, complained=0.001, unsubscribed=1.0)
# A trial is cheap to end, so it is judged by fewer mails, and by opt-outs as well.
STOP_CANARY = Limits(least=100, bounced=0.08, complained=0.003, unsubscribed=0.03)
NEWEST = 500
LOOK_BACK = timedelta(days=30)
WARN_AGAIN = timedelta(days=1)
TOLD_WITHIN = timedelta(days=2)
SHOWN_FOR = timedelta(days=3)

# Sequences with a bad report among the newest, read backwards by the primary key: it costs the same however many
# reports there are.
_REPORTED = """
    SELECT DISTINCT m.sequence_id
    FROM (SELECT message_id, kind, at FROM campaigns_providerevent ORDER BY id DESC LIMIT 5000) p
    JOIN campaigns_message m ON m.id = p.message_id
    WHERE p.kind IN ('bounced', 'complained') AND p.at > %b AND m.sequence_id IS NOT NULL
"""
_CANARIES = "SELECT EXISTS (SELECT FROM campaigns_sequence WHERE canary_version_id IS NOT NULL)"
# Halts and warnings of late that nobody was told of.
_UNTOLD = """
    SELECT h.id FROM campaigns_sequencechange h
    WHERE h.action = ANY(%b::text[]) AND h.at > %b AND NOT EXISTS (
        SELECT FROM campaigns_sequencechange t
        WHERE t.action = %b AND t.at > %b AND t.detail -> 'of' = to_jsonb(h.id))
"""


# Either watch has something to look at: a bad report of late among the newest.
REPORTED_OF_LATE = f"""
    EXISTS (SELECT FROM (SELECT kind, at FROM campaigns_providerevent ORDER BY id DESC LIMIT 5000) p
            WHERE kind IN ('bounced', 'complained') AND at > %(now)b - interval '{WARN_AGAIN.total_seconds()} seconds')
"""  # noqa: S608 - ours


@ticks.when(f"""
    {REPORTED_OF_LATE}
    OR EXISTS (SELECT FROM campaigns_sequence WHERE canary_version_id IS NOT NULL)
    OR EXISTS (SELECT FROM campaigns_sequencechange WHERE action IN ('{HALTED}', '{WARNED}')
               AND at > %(now)b - interval '{TOLD_WITHIN.total_seconds()} seconds')
""")  # noqa: S608 - ours
def watch(*, now: datetime) -> int:
    """The tick: stop what must be stopped, warn, tell. How many sequences were stopped or canaries withdrawn."""
    stopped = 0
    if sql.fetch(_CANARIES)[0][0]:
        stopped = sum(_watch_canary(sequence, now) for sequence in _running().filter(canary_version__isnull=False))
    reported = [row[0] for row in sql.fetch(_REPORTED, [now - WARN_AGAIN])]
    if reported:
        stopped += sum(_watch_sequence(sequence, now) for sequence in _running().filter(pk__in=reported))
    tell(now=now)
    return stopped


def _running() -> "QuerySet[Sequence]":
    running = (Sequence.Status.LIVE, Sequence.Status.PAUSED, Sequence.Status.DRAINING)
    return Sequence.objects.filter(status__in=running).order_by("pk")


def _watch_canary(sequence: Sequence, now: datetime) -> bool:
    if sequence.canary_since is None:
        return False
    found = figures(sequence.pk, since=sequence.canary_since, version_id=sequence.canary_version_id, newest=NEWEST)
    reason = "; ".join(over(found, STOP_CANARY))
    if not reason:
        return False
    version = canary.withdraw(sequence, reason=reason, now=now)
    audit.note(sequence, HALTED, actor=None, now=now, version=version, reason=reason, detail=_detail(found, "canary"))
    return True


def _watch_sequence(sequence: Sequence, now: datetime) -> bool:
    found = figures(sequence.pk, since=_since(sequence, now), newest=NEWEST)
    reason = "; ".join(over(found, STOP))
    if reason and pausing.freeze(sequence, now=now, reason=reason):
        detail = _detail(found, "sequence")
        version = sequence.current_version
        audit.note(sequence, HALTED, actor=None, now=now, version=version, reason=reason, detail=detail)
        return True
    warning = "; ".join(over(found, WARN))
    if warning and not sequence.changes.filter(action=WARNED, at__gt=now - WARN_AGAIN).exists():
        audit.note(sequence, WARNED, actor=None, now=now, reason=warning, detail=_detail(found, "sequence"))
    return False


def _since(sequence: Sequence, now: datetime) -> datetime:
    """Somebody who resumed a halted sequence has looked at the mails until then; they do not stop it again."""
    resumed = sequence.changes.filter(action="resumed").values_list("at", flat=True).first()
    return max(resumed, now - LOOK_BACK) if resumed else now - LOOK_BACK


def over(found: Figures, limits: Limits) -> Iterable[str]:
    """Each limit that is reached, in words; none for fewer mails than it takes to judge."""
    if found.sent < limits.least:
        return
    words = {"bounced": "hard bounces", "complained": "complaints", "unsubscribed": "opt-outs"}
    for name, word in words.items():
        limit = getattr(limits, name)
        if found.rate(name) >= limit:
            count = getattr(found, name)
            yield f"{count} {word} in {found.sent} mails ({found.rate(name):.1%}, limit {limit:.1%})"


def _detail(found: Figures, what: str) -> dict[str, object]:
    names = ("sent", "bounced", "complained", "unsubscribed")
    return {"what": what, **{name: getattr(found, name) for name in names}}


def standing(*, now: datetime) -> list[SequenceChange]:
    """Halts to be looked at: of sequences that still stand still, and of trials that ended in the last days."""
    halts = SequenceChange.objects.filter(action=HALTED).select_related("sequence").order_by("sequence_id", "-at")
    stands = Q(sequence__status=Sequence.Status.FROZEN, detail__what="sequence")
    recent = Q(at__gt=now - SHOWN_FOR, detail__what="canary", sequence__canary_version=None)
    return list(halts.filter(stands | recent).distinct("sequence_id"))


def tell(*, now: datetime) -> int:
    """Mail the administrator what was halted or came near it; how many mails. At least once: again until one left.

    Nothing leaves a locked database; who looks after the original is told by it.
    """
    if gate.closed(now):
        return 0
    since = now - TOLD_WITHIN
    untold = [row[0] for row in sql.fetch(_UNTOLD, [[HALTED, WARNED], since, ALERTED, since])]
    if not untold:
        return 0
    lines = SequenceChange.objects.filter(pk__in=untold).select_related("sequence").order_by("pk")
    return sum(_mail(line, now) for line in lines)


def _mail(line: SequenceChange, now: datetime) -> bool:
    sequence, is_halt = line.sequence, line.action == HALTED
    what = "A trial was ended" if line.detail.get("what") == "canary" else "A sequence was stopped"
    subject = f"{what}: {sequence.name}" if is_halt else f"Close to being stopped: {sequence.name}"
    url = f"{settings.SITE_URL}/admin/campaigns/sequence/{sequence.pk}/change/"
    after = "Nothing of it is sent until you resume it." if is_halt and "sequence" in line.detail.values() else ""
    text = "\n\n".join(part for part in (f"{line.reason}.", after, url) if part)
    try:
        send_mail(subject, text, None, [settings.ADMIN_EMAIL])
    except (OSError, smtplib.SMTPException, AnymailError) as error:
        logger.warning("the administrator could not be told of a halt: %s", type(error).__name__)
        return False
    audit.note(sequence, ALERTED, actor=None, now=now, detail={"of": line.pk})
    return True
