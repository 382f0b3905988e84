"""From a scheduled broadcast to the run of each of its moments. Two beats, or a retry, make one run."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from campaigns.broadcasts import auditing, checking, occurring
from campaigns.editing.publishing import Problem
from campaigns.models import Broadcast, BroadcastRun, BroadcastVariant


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A moment that has come. `skipped`: earlier ones that passed meanwhile and are not made up for."""

    at: datetime
    skipped: int = 0


def start_due(*, now: datetime) -> int:
    """Begin the run of every scheduled broadcast whose moment has come; how many moments were seen to."""
    scheduled = Broadcast.objects.filter(status=Broadcast.Status.SCHEDULED).order_by("-priority", "pk")
    seen = 0
    for broadcast in scheduled.select_related("crontab").annotate(last=Max("runs__occurs_at")):
        if occurrence_of(broadcast, broadcast.last, now) is not None:
            seen += _start(broadcast.pk, now=now)
    return seen


def occurrence_of(broadcast: Broadcast, last: datetime | None, now: datetime) -> Occurrence | None:
    """The moment to begin now, if any. `last`: the moment of its newest run.

    Of a crontab only the newest moment since then, so that an outage is no burst.
    """
    begun = broadcast.scheduled_at or now
    if broadcast.crontab is None:
        at = broadcast.send_at or begun
        return Occurrence(at) if at <= now and (last is None or last < at) else None
    try:
        recurrence = occurring.read(broadcast.crontab)
    except occurring.CrontabError:
        return Occurrence(now)  # _start meets the same problem, and says so
    since = max(begun, last) if last else begun
    latest = recurrence.latest(since, now)
    return Occurrence(latest, recurrence.count(since, latest) - 1) if latest is not None else None


def next_moment(broadcast: Broadcast, *, now: datetime) -> datetime | None:
    """When it goes out next, as far as it is known; None when it does not, or stands still."""
    if broadcast.status not in (Broadcast.Status.SCHEDULED, Broadcast.Status.DRAFT):
        return None
    if broadcast.crontab is None:
        return broadcast.send_at if broadcast.send_at and broadcast.send_at > now else None
    try:
        return occurring.read(broadcast.crontab).next(now)
    except occurring.CrontabError:
        return None


def next_in_turn(broadcast: Broadcast) -> BroadcastVariant | None:
    """The first mail of a series that no run sent yet."""
    return next(iter(left_in_turn(broadcast)), None)


def left_in_turn(broadcast: Broadcast) -> list[BroadcastVariant]:
    """The mails of a series that no run sent yet, in order."""
    runs = broadcast.runs.exclude(state=BroadcastRun.State.MISSED).values_list("variants", flat=True)
    sent = {mail["key"] for mails in runs for mail in mails}
    return [mail for mail in broadcast.variants.select_related("template") if mail.key not in sent]


@transaction.atomic
def _start(broadcast_id: int, *, now: datetime) -> bool:
    """Make the run, or note why there is none. False when another worker is at it or was."""
    locked = Broadcast.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    broadcast = locked.filter(pk=broadcast_id, status=Broadcast.Status.SCHEDULED).first()
    if broadcast is None:
        return False
    occurrence = occurrence_of(broadcast, broadcast.runs.aggregate(last=Max("occurs_at"))["last"], now)
    if occurrence is None:
        return False
    if broadcast.late_after is not None and occurrence.at + broadcast.late_after < now:
        _miss(broadcast, occurrence, now)
        return True
    problems = [str(problem) for problem in _problems(broadcast, now)]
    mails = _mails(broadcast)
    if not mails and not problems:
        problems = [f"all {broadcast.variants.count()} mails were sent; add more and schedule it again"]
    if problems:
        _stand_still(broadcast, problems[0], now)
        return True
    _begin(broadcast, occurrence, mails, now)
    return True


def _problems(broadcast: Broadcast, now: datetime) -> list[Problem]:
    """What changed since it was scheduled so that it cannot go out. That its moment has passed is no problem now."""
    found = [problem for problem in checking.problems_of(broadcast, now=now) if problem.where != "send_at"]
    return found or checking.publish_mails(broadcast, now=now)


def _mails(broadcast: Broadcast) -> list[dict[str, Any]]:
    """The run's mails as their current versions."""
    chosen = list(broadcast.variants.select_related("template"))
    if broadcast.in_turn:
        mail = next_in_turn(broadcast)
        chosen = [mail] if mail else []
    elif not chosen and broadcast.template is not None:
        return [_mail("", 1, broadcast.template.current_version_id, "")]
    return [_mail(mail.key, mail.weight, mail.template.current_version_id, mail.subject) for mail in chosen]


def _mail(key: str, weight: int, version: int | None, subject: str) -> dict[str, Any]:
    return {"key": key, "weight": weight, "version": version, "subject": subject}


def _begin(broadcast: Broadcast, occurrence: Occurrence, mails: list[dict[str, Any]], now: datetime) -> None:
    reason = f"late: {occurrence.skipped} earlier ones had passed and were left out" if occurrence.skipped else ""
    defaults = {"started_at": now, "variants": mails, "window": broadcast.window, "reason": reason}
    run, new = BroadcastRun.objects.get_or_create(broadcast=broadcast, occurs_at=occurrence.at, defaults=defaults)
    if new:
        auditing.note(broadcast, "started", run=run, reason=reason, now=now)


def _miss(broadcast: Broadcast, occurrence: Occurrence, now: datetime) -> None:
    reason = f"late: it was meant for {occurrence.at:%Y-%m-%d %H:%M} UTC, and it was found at {now:%Y-%m-%d %H:%M} UTC"
    ended = {"state": BroadcastRun.State.MISSED, "started_at": now, "done_at": now, "reason": reason}
    run, _ = BroadcastRun.objects.get_or_create(broadcast=broadcast, occurs_at=occurrence.at, defaults=ended)
    auditing.note(broadcast, "missed", run=run, reason=reason, now=now)
    if broadcast.crontab_id is None:
        broadcast.status = Broadcast.Status.STOPPED
        broadcast.note = reason
        broadcast.save(update_fields=["status", "note"])


def _stand_still(broadcast: Broadcast, reason: str, now: datetime) -> None:
    """Nothing to send, or not as it is now: wait for a person."""
    broadcast.status = Broadcast.Status.PAUSED
    broadcast.note = reason[:250]
    broadcast.save(update_fields=["status", "note"])
    auditing.note(broadcast, "paused", reason=reason, now=now)
