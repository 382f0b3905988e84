"""The sums of a rehearsal: what one version would have done, and how two versions differ. Plain values."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.rehearsal.records import Mail, Record, Run

SAMPLES = 5
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")
_NUMBER = re.compile(r"\b\d+\b")


def kind_of(reason: str) -> str:
    """A reason without the figures of the single case, so that like goes with like."""
    return _NUMBER.sub("n", _MOMENT.sub("…", reason))


def check_of(reason: str) -> str:
    """The name of the check that a reason begins with."""
    return reason.partition(":")[0]


@dataclass(slots=True)
class Moment:
    """A line of somebody's timeline."""

    at: datetime
    what: str
    detail: str = ""


@dataclass(slots=True)
class Sample:
    """One of the people, with all that would have happened to them."""

    lead_id: int
    moments: list[Moment] = field(default_factory=list)


@dataclass(slots=True)
class Outcome:
    """What a version would have done in the period. Counters say how many by what it is counted for."""

    entries: int = 0
    people: int = 0
    proposals: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    merged: int = 0
    met_again: int = 0
    mails: Counter[tuple[date, str, str]] = field(default_factory=Counter)
    deferred: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    exits: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    still_inside: int = 0
    still_waiting: int = 0
    waiting: int = 0
    crowded_by: Counter[str] = field(default_factory=Counter)
    crowds: Counter[str] = field(default_factory=Counter)
    would_replace: Counter[str] = field(default_factory=Counter)
    would_refuse: Counter[str] = field(default_factory=Counter)
    answers_left_out: int = 0
    samples: list[Sample] = field(default_factory=list)

    @property
    def sent(self) -> int:
        return self.mails.total()

    def per_day(self) -> dict[date, int]:
        days: Counter[date] = Counter()
        for (day, _, _), number in self.mails.items():
            days[day] += number
        return dict(sorted(days.items()))

    def per_step(self) -> dict[tuple[str, str], int]:
        """(step, variant) → mails, in the order of first sending."""
        steps: Counter[tuple[str, str]] = Counter()
        for (_, step, variant), number in sorted(self.mails.items()):
            steps[step, variant] += number
        return dict(steps)


@dataclass(slots=True)
class Difference:
    """The draft against the published version over the same people: counts of both, and whom it touches."""

    published: Outcome = field(default_factory=Outcome)
    enter_only_draft: int = 0
    enter_only_published: int = 0
    other_mails: int = 0
    same: int = 0


@dataclass(slots=True)
class Rehearsal:
    """`assumed_as_today`: fields without history. `looked_at`: people whom a trigger proposed in the period."""

    sequence: str
    version: int
    is_draft: bool
    since: datetime
    until: datetime
    zone: str
    steps: list[str]
    triggers: list[str]
    looked_at: int = 0
    outcome: Outcome = field(default_factory=Outcome)
    difference: Difference | None = None
    published_version: int | None = None
    assumed_as_today: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Tally:
    """Adds up the records of one version, person by person."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.outcome = Outcome()
        self._zone = zone
        self._ends: set[str] = set()

    def add(self, record: Record) -> None:
        outcome = self.outcome
        outcome.entries += len(record.runs)
        outcome.people += bool(record.runs)
        outcome.merged += record.merged
        outcome.met_again += record.met_again
        outcome.proposals += len(record.runs) + record.merged + record.met_again + len(record.refusals) + record.waiting
        outcome.answers_left_out += record.answers_left_out
        outcome.waiting += record.waiting
        outcome.refused.update(kind_of(reason) for _, reason in record.refusals)
        outcome.effects.update(step for _, step in record.effects)
        outcome.would_replace.update(record.would_replace)
        outcome.would_refuse.update(record.would_refuse)
        outcome.crowds.update(record.crowds)
        for run in record.runs:
            self._add_run(run)
        self._show(record)

    def _show(self, record: Record) -> None:
        """Keep a person of each way to end, so that the few that are shown are not all alike."""
        if not record.runs or len(self.outcome.samples) >= SAMPLES:
            return
        ends = {kind_of(run.exit_reason) for run in record.runs}
        if ends - self._ends:
            self._ends |= ends
            self.outcome.samples.append(sample(record))

    def _add_run(self, run: Run) -> None:
        outcome = self.outcome
        if run.is_active:
            outcome.still_inside += 1
        else:
            outcome.exits[kind_of(run.exit_reason)] += 1
        for mail in run.mails:
            self._add_mail(mail)

    def _add_mail(self, mail: Mail) -> None:
        outcome = self.outcome
        outcome.deferred.update({check_of(reason) for _, _, reason in mail.waits})
        outcome.crowded_by.update(mail.crowded_by)
        if mail.settled_at is None:
            outcome.still_waiting += 1
        elif mail.state == "sent":
            day = mail.settled_at.astimezone(self._zone).date()
            outcome.mails[day, mail.step_key, mail.variant_key] += 1
        else:
            outcome.skipped[kind_of(mail.reason)] += 1


def sample(record: Record) -> Sample:
    """Everything of a person, in the order of time."""
    moments = [Moment(at, "Not enrolled", reason) for at, reason in record.refusals]
    for run in record.runs:
        moments.append(Moment(run.entered_at, "Enters", f"{run.because} {run.key}".strip()))
        mailed = {mail.step_key for mail in run.mails}
        moments += [Moment(at, f"Passes {step}", reason) for at, step, reason in run.notes if step not in mailed]
        for mail in run.mails:
            name = f"{mail.step_key} ({mail.variant_key})" if mail.variant_key else mail.step_key
            moments += [Moment(at, f"{name} waits", reason) for at, _, reason in mail.waits]
            if mail.settled_at is not None:
                what = "is sent" if mail.state == "sent" else f"is {mail.state}"
                moments.append(Moment(mail.settled_at, f"{name} {what}", mail.reason if mail.state != "sent" else ""))
        if run.ended_at is not None:
            moments.append(Moment(run.ended_at, "Leaves", run.exit_reason))
    return Sample(record.lead_id, sorted(moments, key=lambda moment: moment.at))


def differ(difference: Difference, draft: Record, published: Record) -> None:
    """Count one person for the difference: entered by one version alone, or mailed otherwise."""
    if bool(draft.runs) != bool(published.runs):
        difference.enter_only_draft += bool(draft.runs)
        difference.enter_only_published += bool(published.runs)
    elif draft.runs:
        same = _mailed(draft.mails) == _mailed(published.mails)
        difference.same += same
        difference.other_mails += not same


def _mailed(mails: Iterable[Mail]) -> list[tuple[str, str, datetime | None]]:
    return sorted(
        (mail.step_key, mail.variant_key, mail.settled_at and mail.settled_at.replace(second=0, microsecond=0))
        for mail in mails
        if mail.state == "sent"
    )


Observe = Callable[[Record], Any]
