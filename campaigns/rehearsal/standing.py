"""Where a person stands in a rehearsal: what is known, which runs are active, which mails are open."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from campaigns.engine.deciding import Journey, exit_of
from campaigns.engine.goals import About
from campaigns.engine.steps import Leave
from campaigns.rehearsal.asking import Questions
from campaigns.rehearsal.knowing import Knowledge
from campaigns.rehearsal.past import Past
from campaigns.rehearsal.records import Mail, Record, Run
from campaigns.running.rescheduling import PUT_OFF
from campaigns.sending import checks, timing
from leads.scoring import Thresholds


@dataclass(frozen=True, slots=True)
class Scene:
    """What is the same for everybody. `mails`: template → (is marketing, topic); `kinds`: events that propose;
    `promoted`: (since when, step, variant) of experiments that were decided."""

    journey: Journey
    asked: Questions
    policy: checks.Policy
    thresholds: Thresholds
    calendar: timing.Calendar
    mails: dict[int, tuple[bool, int | None]]
    kinds: frozenset[str]
    promoted: tuple[tuple[datetime, str, str], ...] = ()

    @property
    def sends_marketing(self) -> bool:
        return any(is_marketing for is_marketing, _ in self.mails.values())

    def promotions(self, now: datetime) -> dict[str, str]:
        return {step: variant for since, step, variant in self.promoted if since <= now}


@dataclass(slots=True)
class Standing:
    scene: Scene
    past: Past
    record: Record
    knowledge: Knowledge
    active: list[Run] = field(default_factory=list)
    open: list[Mail] = field(default_factory=list)
    ids: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def journey(self) -> Journey:
        return self.scene.journey

    def exit_of(self, run: Run, now: datetime) -> Leave | None:
        """The exit rule that holds for a run at `now`."""
        facts = self.knowledge.facts(run.goal_since)
        return exit_of(self.journey, facts, now, About.run(run.key, run.context))

    def end(self, run: Run, reason: str, now: datetime) -> None:
        """As `exits.end`: what of it is still to be sent ends with it."""
        if not run.is_active:
            return
        reason = reason[:120]
        run.ended_at, run.exit_reason, run.due_at = now, reason, None
        self.active.remove(run)
        for mail in [mail for mail in self.open if mail.run is run]:
            mail.close("canceled", reason, now)
            self.open.remove(mail)

    def look_again(self, run: Run, now: datetime) -> None:
        """As `rescheduling.look_again`: mails of the run that were put off with their date."""
        for mail in self.open:
            if mail.run is run and mail.due_at > now and mail.reason.startswith(PUT_OFF):
                mail.due_at = now
