"""The ways in: events propose, `triggers.judge` decides, as in `campaigns.running.entries`, for one person."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from campaigns.engine.resuming import Left
from campaigns.engine.steps import DateStep
from campaigns.engine.triggers import Candidate, Verdict, judge, proposed, start_of
from campaigns.engine.triggers import Run as KnownRun
from campaigns.rehearsal.past import PastRun
from campaigns.rehearsal.records import Run
from campaigns.rehearsal.standing import Standing
from leads.batch import EventRow

# What stands for the row of `WaitingEntry`, which a rehearsal does not have.
KEPT = -1


class Entrance:
    def __init__(self, standing: Standing) -> None:
        self.standing = standing
        self.others = {run.id: run for run in standing.past.runs}
        self._arrived: set[int] = set()
        self._waiting: dict[str, tuple[Candidate, str]] = {}

    @property
    def still_waiting(self) -> int:
        return len(self._waiting)

    def next_end(self) -> datetime | None:
        """When the first who waits for their filters is judged a last time."""
        return min((each.until for each, _ in self._waiting.values() if each.until), default=None)

    def meet(self, events: Iterable[EventRow], now: datetime) -> None:
        """Who waits is tried again, then whom these events propose."""
        standing = self.standing
        candidates = list(self._waiting.values())
        for event in events:
            if event.kind in standing.scene.kinds and (candidate := proposed(standing.journey, event)) is not None:
                candidates.append((candidate, event.kind))
        for candidate, because in candidates:
            self._propose(candidate, because, now)

    def expire(self, now: datetime) -> None:
        """Judge a last time those whose grace is over."""
        for candidate, because in list(self._waiting.values()):
            if candidate.until is not None and candidate.until <= now:
                self._propose(candidate, because, now)

    def give_up(self, reason: str, now: datetime) -> None:
        """As `waiting.give_up`: who wants no marketing is not kept waiting for it."""
        self.standing.record.refusals += [(now, f"consent: {reason}") for _ in self._waiting]
        self._waiting.clear()

    def arrive(self, other: PastRun, now: datetime) -> None:
        """The person entered another sequence of our group: a stronger one ends our run, a weaker one could not."""
        standing = self.standing
        self._arrived.add(other.id)
        if other.priority > standing.journey.priority:
            for run in list(standing.active):
                standing.end(run, f"replaced by {other.sequence}", now)
        elif standing.active:
            standing.record.would_refuse.append(other.sequence)

    def _propose(self, candidate: Candidate, because: str, now: datetime) -> None:
        standing = self.standing
        verdict = judge(candidate, self._known_runs(now), standing.knowledge.facts(candidate.since), now)
        if verdict.waits_until is not None:
            self._waiting[candidate.key] = (
                replace(candidate, until=verdict.waits_until, waiting_id=KEPT),
                because,
            )
            return
        if candidate.waiting_id == KEPT:
            self._waiting.pop(candidate.key, None)
        match verdict.result:
            case "enrolled":
                self._enter(candidate, verdict, because, now)
            case "merged":
                self._merge(candidate, verdict, now)
            case "already_active":
                standing.record.met_again += 1
            case _:
                standing.record.refusals.append((now, verdict.reason))

    def _enter(self, candidate: Candidate, verdict: Verdict, because: str, now: datetime) -> None:
        standing = self.standing
        candidate = start_of(candidate, verdict, now)
        for run_id in verdict.replaces:
            self._give_way(run_id, now)
        for run in [run for run in standing.active if run.id == verdict.restarts]:
            standing.end(run, "restarted by a new trigger", now)
        entered = Run(
            id=-next(standing.ids),
            key=candidate.key,
            entered_at=candidate.start.enrolled_at or now,
            because=because,
            goal_since=candidate.since,
            step_key=candidate.start.step_key or standing.journey.first,
            step_since=candidate.start.step_since or now,
            due_at=now.replace(second=0, microsecond=0),
            depth=candidate.depth,
            is_holdout=verdict.is_holdout,
            context=dict(candidate.context or {"event": candidate.payload, "events": [candidate.payload]}),
            lineage=candidate.lineage,
        )
        standing.record.runs.append(entered)
        standing.active.append(entered)

    def _merge(self, candidate: Candidate, verdict: Verdict, now: datetime) -> None:
        standing = self.standing
        standing.record.merged += 1
        for run in standing.active:
            if run.id != verdict.run_id:
                continue
            run.merged += 1
            news = candidate.payload if candidate.updates_only else {}
            context = run.context
            run.context = {"event": {**context["event"], **news}, "events": [*context["events"], candidate.payload]}
            if run.is_waiting and isinstance(standing.journey.step(run.step_key), DateStep):
                run.due_at = now
            standing.look_again(run, now)

    def _give_way(self, run_id: int, now: datetime) -> None:
        """A run of the group that a stronger entry replaces: a real one of another sequence, or an own one."""
        standing = self.standing
        other = self.others.get(run_id)
        if other is not None:
            self.others[run_id] = other._replace(ended_at=now)
            standing.record.would_replace.append(other.sequence)
        for run in [run for run in standing.active if run.id == run_id]:
            standing.end(run, f"replaced by {standing.journey.sequence}", now)

    def _known_runs(self, now: datetime) -> list[KnownRun]:
        """The person's runs as they stood then: real ones from before and of the group, and the rehearsed ones."""
        journey = self.standing.journey
        known = []
        for other in self.others.values():
            if other.enrolled_at > now or (other.enrolled_at == now and other.id not in self._arrived):
                continue
            is_active = other.ended_at >= now
            if is_active or other.sequence_id == journey.sequence_id:
                known.append(
                    KnownRun(
                        *(other.id, other.sequence_id, other.sequence, other.key, is_active, other.enrolled_at),
                        *(other.group_id, other.priority, other.is_holdout),
                    )
                )
        for run in self.standing.record.runs:
            known.append(
                KnownRun(
                    *(run.id, journey.sequence_id, journey.sequence, run.key, run.is_active, run.entered_at),
                    *(journey.group_id, journey.priority, run.is_holdout, self._left(run)),
                )
            )
        return known

    def _left(self, run: Run) -> Left | None:
        """How a rehearsed run stood at its end."""
        if run.ended_at is None:
            return None
        goal = next((rule.goal for rule in self.standing.journey.exits if rule.reason == run.exit_reason), "")
        sent = [mail.settled_at for mail in run.mails if mail.step_key == run.step_key and mail.state == "sent"]
        sent_at = max((at for at in sent if at), default=None)
        return Left(run.ended_at, goal, run.step_key, run.step_since, run.entered_at, sent_at, run.context)
