"""What publishing a draft would do to the people in flight, counted before anybody confirms. Read only."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from campaigns.editing import moving, tombstones
from campaigns.editing.effects import Effect, effect_of
from campaigns.editing.publishing import Problem, problems_of
from campaigns.engine.deciding import Journey
from campaigns.experiments import assigning
from campaigns.models import Enrollment, Message, SequenceVersion
from campaigns.running import journeys, people, runner
from leads.models import Workspace
from lifecycle.core import rules, sql

EXACT_UP_TO = 20_000
BATCH = 1000
SAMPLES = 5

# A stable share of the people, spread over all of them.
_CHOSEN = """
    SELECT id FROM campaigns_enrollment
    WHERE sequence_id = %b AND state = 'active' AND version_id <> %b
      AND (%b::bigint IS NULL OR version_id = %b::bigint) AND (hashint8(id)::bigint & 2147483647) %% %b < %b
    ORDER BY id LIMIT %b
"""


@dataclass
class Preview:
    """People in flight by effect. `looked_at` is less than `people` when the counts are estimated from a sample."""

    people: int = 0
    looked_at: int = 0
    moves: int = 0
    stays: int = 0
    exits: dict[str, int] = field(default_factory=dict)
    mails_now: dict[str, int] = field(default_factory=dict)
    skips: int = 0
    waits: int = 0
    canceled: int = 0
    samples: dict[str, list[int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def is_estimated(self) -> bool:
        return self.looked_at < self.people

    @property
    def ends(self) -> int:
        return sum(self.exits.values())

    @property
    def mails(self) -> int:
        return sum(self.mails_now.values())


def preview(
    version: SequenceVersion,
    *,
    in_flight: str = moving.STAY,
    not_past: str | None = None,
    of: SequenceVersion | None = None,
    now: datetime,
) -> Preview:
    """Count what publishing `version` (a draft, or an older version to go back to) does to everybody in flight.

    `of`: only people of that version. More than EXACT_UP_TO people are estimated from a stable sample of as many.
    """
    shown = Preview(problems=[] if version.state == SequenceVersion.State.PUBLISHED else problems_of(version))
    inside = Enrollment.objects.filter(sequence_id=version.sequence_id, state=Enrollment.State.ACTIVE)
    inside = inside.filter(version=of) if of else inside
    shown.people = shown.looked_at = inside.exclude(version=version).count()
    if in_flight == moving.STAY or shown.problems:
        shown.stays = shown.people
    elif in_flight == moving.EXIT:
        shown.exits = {f"replaced by version {version.number}": shown.people} if shown.people else {}
        shown.canceled = Message.objects.filter(state=Message.State.READY, enrollment__in=inside).count()
    else:
        _look(shown, version, not_past, of, now)
    return shown


def _look(
    shown: Preview, version: SequenceVersion, not_past: str | None, of: SequenceVersion | None, now: datetime
) -> None:
    new = tombstones.foreseen(journeys.build(version), version)
    effects: Counter[Effect] = Counter()
    shown.looked_at = 0
    for runs in _batches(version, of, total=shown.people):
        for run, effect in _effects(runs, new, not_past, now):
            shown.looked_at += 1
            effects[effect] += 1
            sample = shown.samples.setdefault(effect.kind, [])
            if len(sample) < SAMPLES:
                sample.append(run.id)
    _sum_up(shown, effects)


def _batches(version: SequenceVersion, of: SequenceVersion | None, *, total: int) -> Iterator[list[runner.Due]]:
    of_id = of.pk if of else None
    chosen = sql.fetch(
        _CHOSEN, [version.sequence_id, version.pk, of_id, of_id, max(total, 1), EXACT_UP_TO, EXACT_UP_TO]
    )
    ids = [row[0] for row in chosen]
    for start in range(0, len(ids), BATCH):
        yield runner.inside(ids[start : start + BATCH])


def _effects(
    runs: list[runner.Due], new: Journey, not_past: str | None, now: datetime
) -> Iterator[tuple[runner.Due, Effect]]:
    known = journeys.load({run.version_id for run in runs})
    needs = rules.Needs().merge(new.exit_needs, new.step_needs)
    persons = people.load({run.lead_id: now for run in runs}, needs, Workspace.load())
    met = assigning.load([new], (run.lead_id for run in runs))
    had: dict[int, set[str]] = {}
    mails = Message.objects.filter(enrollment_id__in=[run.id for run in runs])
    for run_id, step_key in mails.values_list("enrollment_id", "step_key"):
        had.setdefault(run_id, set()).add(step_key)
    for run in runs:
        old = known.get(run.version_id)
        if old is None:
            yield run, Effect("stay", run.step_key, "its version cannot be read")
            continue
        person = persons[run.lead_id]
        at = runner.position_of(run, new, person, met)
        mailed = frozenset(had.get(run.id, ()))
        yield run, effect_of(old, new, at, person.facts(run.goal_since), now, not_past=not_past, had=mailed)


def _sum_up(shown: Preview, effects: Counter[Effect]) -> None:
    """Counts by effect, stretched to everybody when only a sample was looked at."""
    factor = shown.people / shown.looked_at if shown.looked_at else 1.0
    for effect, seen in effects.items():
        count = round(seen * factor)
        match effect.kind:
            case "mail":
                shown.mails_now[effect.step] = shown.mails_now.get(effect.step, 0) + count
            case "exit":
                shown.exits[effect.reason] = shown.exits.get(effect.reason, 0) + count
            case "skip":
                shown.skips += count
            case "wait":
                shown.waits += count
            case "stay":
                shown.stays += count
    shown.moves = shown.mails + shown.skips + shown.waits
