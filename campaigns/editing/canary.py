"""Trying a version on a share of the new people first: start, promote, withdraw, and the figures to decide by.

Who enters which version is drawn by a stable hash (`Journey.takes`); the current version stays what it is meanwhile.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from campaigns.editing import audit, moving, release
from campaigns.editing.publishing import Problem, PublishRefused
from campaigns.editing.release import InFlight
from campaigns.experiments import starting
from campaigns.models import Enrollment, Sequence, SequenceVersion
from lifecycle.core import sql

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

BACK = "back"
# An opt-out so soon after a mail is put down to it.
BLAMED_FOR = timedelta(days=7)

# The newest mails of a version, or of a sequence when no version is given.
_OF_SEQUENCE = """
    SELECT m.id, m.lead_id, m.sent_at FROM campaigns_message m
    WHERE m.sequence_id = %b AND m.state = 'sent' AND NOT m.is_shadow AND m.sent_at >= %b
      AND (%b::bigint IS NULL OR EXISTS (
          SELECT FROM campaigns_enrollment e WHERE e.id = m.enrollment_id AND e.version_id = %b::bigint))
    ORDER BY m.id DESC LIMIT %b
"""
_OF_RUN = """
    SELECT m.id, m.lead_id, m.sent_at FROM campaigns_message m
    WHERE m.broadcast_run_id = %b AND m.state = 'sent' AND m.sent_at >= %b ORDER BY m.id DESC LIMIT %b
"""
# Everything that became of them.
_FIGURES = """
    WITH mails AS ({mails})
    SELECT count(*),
        count(*) FILTER (WHERE EXISTS (
            SELECT FROM campaigns_hit h WHERE h.message_id = mails.id AND h.kind = 'click' AND h.verdict = 'human')),
        count(*) FILTER (WHERE EXISTS (
            SELECT FROM campaigns_providerevent p
            JOIN campaigns_suppression s ON s.address_hash = p.address_hash AND s.scope = 'everything'
            WHERE p.message_id = mails.id AND p.kind = 'bounced')),
        count(*) FILTER (WHERE EXISTS (
            SELECT FROM campaigns_providerevent p WHERE p.message_id = mails.id AND p.kind = 'complained')),
        count(*) FILTER (WHERE EXISTS (
            SELECT FROM campaigns_suppression s JOIN leads_lead l ON l.address_hash = s.address_hash
            WHERE l.id = mails.lead_id AND s.scope = 'marketing'
              AND s.created_at >= mails.sent_at AND s.created_at < mails.sent_at + %b))
    FROM mails
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of mails that were sent; `bounced` counts hard bounces."""

    sent: int = 0
    clicked: int = 0
    bounced: int = 0
    complained: int = 0
    unsubscribed: int = 0
    entered: int = 0

    def rate(self, name: str) -> float:
        """The share of the sent mails, 0.0 to 1.0."""
        return getattr(self, name) / self.sent if self.sent else 0.0


def start_canary(
    version: SequenceVersion, *, percent: int, actor: "AbstractBaseUser | None" = None, now: datetime
) -> SequenceVersion:
    """Publish a draft for `percent` of the new people; the others, and all who are inside, keep the current version.

    Raises PublishRefused.
    """
    moving.finish(version.sequence_id, now=now)
    with transaction.atomic():
        sequence = Sequence.objects.select_for_update(no_key=True).get(pk=version.sequence_id)
        version = SequenceVersion.objects.select_for_update().select_related("sequence").get(pk=version.pk)
        _check(sequence, version, percent)
        release.freeze(version, InFlight(), now=now)
        _set(sequence, version, percent, now)
        audit.note(sequence, "canary begun", actor=actor, now=now, version=version, detail={"percent": percent})
    version.refresh_from_db()
    return version


def promote(
    sequence: Sequence,
    *,
    in_flight: str = moving.STAY,
    not_past: str | None = None,
    actor: "AbstractBaseUser | None" = None,
    now: datetime,
) -> SequenceVersion:
    """Make the canary the version that everybody enters; `in_flight` as for `publish`. Raises PublishRefused."""
    choice = InFlight(in_flight, not_past)
    with transaction.atomic():
        sequence, version = _tried(sequence)
        release.check_choice(sequence, choice)
        starting.follow(sequence.current_version, version, now=now)
        sequence.current_version = version
        sequence.save(update_fields=["current_version"])
        _set(sequence, None, 0, None)
        detail = {"in_flight": in_flight, "not_past": not_past}
        audit.note(sequence, "canary promoted", actor=actor, now=now, version=version, detail=detail)
        release.send_on(sequence, version, choice, actor)
    moving.finish(sequence.pk, now=now, most=release.MOVED_AT_ONCE)
    return version


def withdraw(
    sequence: Sequence,
    *,
    people: str = BACK,
    actor: "AbstractBaseUser | None" = None,
    reason: str = "",
    now: datetime,
) -> SequenceVersion:
    """End the trial: everybody enters the current version again. Its people go `back` to it, `stay`, or `exit`.

    Raises PublishRefused.
    """
    if people not in (BACK, moving.STAY, moving.EXIT):
        raise PublishRefused([Problem("people", f"{people!r} is not known: back, stay or exit")])
    moving.finish(sequence.pk, now=now)
    with transaction.atomic():
        sequence, version = _tried(sequence)
        _set(sequence, None, 0, None)
        line = audit.note(
            sequence,
            "canary withdrawn",
            actor=actor,
            now=now,
            version=version,
            reason=reason,
            detail={"people": people},
        )
        if people != moving.STAY and sequence.current_version_id is not None:
            policy = moving.MOVE if people == BACK else moving.EXIT
            why = f"exit: version {version.number} was withdrawn"
            going = moving.Going(sequence.current_version_id, policy, of=version.pk, actor=line.actor_id, reason=why)
            moving.begin(sequence, going)
    moving.finish(sequence.pk, now=now, most=release.MOVED_AT_ONCE)
    return version


def _check(sequence: Sequence, version: SequenceVersion, percent: int) -> None:
    problems = []
    if not 1 <= percent <= 99:
        problems.append(Problem("percent", "between 1 and 99"))
    if version.state == SequenceVersion.State.PUBLISHED:
        problems.append(Problem("version", f"version {version.number} is published already"))
    if sequence.current_version_id is None:
        problems.append(Problem("canary", "there is no published version to compare with: publish this one"))
    if problems:
        raise PublishRefused(problems)


def _tried(sequence: Sequence) -> tuple[Sequence, SequenceVersion]:
    rows = Sequence.objects.select_for_update(no_key=True, of=("self",)).select_related("canary_version")
    sequence = rows.get(pk=sequence.pk)
    if sequence.canary_version is None:
        raise PublishRefused([Problem("canary", "no canary version is being tried")])
    return sequence, sequence.canary_version


def _set(sequence: Sequence, version: SequenceVersion | None, percent: int, since: datetime | None) -> None:
    sequence.canary_version, sequence.canary_percent, sequence.canary_since = version, percent, since
    sequence.save(update_fields=["canary_version", "canary_percent", "canary_since"])


def figures(sequence_id: int, *, since: datetime, version_id: int | None = None, newest: int = 1_000_000) -> Figures:
    """What became of the `newest` mails sent since then, of one version or of the whole sequence. One query."""
    statement = _FIGURES.format(mails=_OF_SEQUENCE)
    row = sql.fetch(statement, [sequence_id, since, version_id, version_id, newest, BLAMED_FOR])[0]
    return Figures(*row)


def figures_of_run(run_id: int, *, since: datetime, newest: int) -> Figures:
    """What became of the `newest` mails of a broadcast's run sent since then. One query."""
    row = sql.fetch(_FIGURES.format(mails=_OF_RUN), [run_id, since, newest, BLAMED_FOR])[0]
    return Figures(*row)


def side_by_side(sequence: Sequence) -> dict[str, Figures]:
    """The current version and the canary since the trial began, with how many entered each; {} without a canary."""
    if sequence.canary_version_id is None or sequence.canary_since is None:
        return {}
    shown = {}
    for name, version_id in (("current", sequence.current_version_id), ("canary", sequence.canary_version_id)):
        since = sequence.canary_since
        entered = Enrollment.objects.filter(sequence=sequence, version_id=version_id, enrolled_at__gte=since).count()
        found = figures(sequence.pk, since=since, version_id=version_id)
        shown[name] = replace(found, entered=entered)
    return shown
