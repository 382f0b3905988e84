"""One person lives through the period again, under one version: the virtual clock stops wherever something happens."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

from campaigns import checks
from campaigns.engine import Journey, decide, exit_of
from campaigns.reactions import wakes
from campaigns.rehearsal.asking import Questions
from campaigns.rehearsal.knowing import Knowledge
from campaigns.rehearsal.past import Block, Past, PastRun, Wave
from campaigns.rehearsal.records import Mail, Record, Run
from campaigns.steps import Decision, Leave, Note, Notify, Position, Queue, SetField, Stay
from campaigns.triggers import Candidate, Verdict, judge, proposed
from campaigns.triggers import Run as KnownRun
from leads.batch import EventRow
from leads.scoring import Thresholds

# As many rounds as the engine makes at one moment.
MOST_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class Scene:
    """What is the same for everybody. `mails`: template → (is marketing, topic)."""

    journey: Journey
    asked: Questions
    policy: checks.Policy
    thresholds: Thresholds
    mails: dict[int, tuple[bool, int | None]]
    kinds: frozenset[str]
    sends_marketing: bool


class Life:
    def __init__(self, scene: Scene, past: Past, lead_id: int) -> None:
        self.scene = scene
        self.journey = scene.journey
        self.past = past
        self.record = Record(lead_id)
        self.knowledge = Knowledge(past.person.fields, scene.thresholds, stage=past.stage)
        self.others = {run.id: run for run in past.runs}
        self.sent_at: list[datetime] = []
        self._active: list[Run] = []
        self._open: list[Mail] = []
        self._raised: list[EventRow] = []
        self._arrived: set[int] = set()
        self._ids = count(1)

    def live(self) -> Record:
        for event in self.past.before:
            self.knowledge.learn(event)
        waves, place, until = self.past.waves, 0, self.scene.asked.until
        while True:
            now = waves[place].at if place < len(waves) else None
            due = self._next_due()
            if due is not None and (now is None or due < now):
                now = due
            if now is None or now >= until:
                return self.record
            while place < len(waves) and waves[place].at == now:
                self._meet(waves[place], now)
                place += 1
            self._do_what_is_due(now)

    def _next_due(self) -> datetime | None:
        times = [run.due_at for run in self._active if run.due_at is not None]
        times += [mail.due_at for mail in self._open]
        return min(times) if times else None

    # --- what comes from outside
    def _meet(self, wave: Wave, now: datetime) -> None:
        for block in wave.blocks:
            self._opt_out(block, now)
        for arrival in wave.arrivals:
            self._arrive(arrival, now)
        self.knowledge.change(wave.changes)
        self._react([event for event in wave.events if self._counts(event)], now)

    def _counts(self, event: EventRow) -> bool:
        """An answer to a mail of ours only, if this version would have sent that mail to this person before."""
        if not self.scene.asked.is_answer(event):
            return True
        step = event.properties.get("step")
        if any(mail.step_key == step and mail.state == "sent" for run in self.record.runs for mail in run.mails):
            return True
        self.record.answers_left_out += 1
        return False

    def _opt_out(self, block: Block, now: datetime) -> None:
        if block.scope != "topic" and self.scene.sends_marketing:
            for run in list(self._active):
                self._end(run, block.reason, now)
        for mail in list(self._open):
            if block.scope == "everything" or (mail.is_marketing and block.topic_id in (None, mail.topic_id)):
                self._close(mail, "suppressed", f"suppression: {block.reason}", now)

    def _arrive(self, other: PastRun, now: datetime) -> None:
        """Somebody entered another sequence of our group: the first in rank stays."""
        self._arrived.add(other.id)
        if other.priority > self.journey.priority:
            for run in list(self._active):
                self._end(run, f"replaced by {other.sequence}", now)
        elif self._active:
            self.record.would_refuse.append(other.sequence)

    # --- events: entries, exits, wake-ups
    def _react(self, events: list[EventRow], now: datetime) -> None:
        for event in events:
            self.knowledge.learn(event)
        for event in events:
            candidate = proposed(self.journey, event) if event.kind in self.scene.kinds else None
            if candidate is not None:
                self._propose(candidate, event.kind, now)
        if not self._active:
            return
        latest = max([now, *(event.occurred_at for event in events)])
        for run in list(self._active):
            leave = exit_of(self.journey, self.knowledge.facts(run.goal_since), latest)
            if leave is not None:
                self._end(run, leave.reason, now)
        kinds = {event.kind for event in events}
        for run in self._active:
            if run.is_waiting and wakes(self.journey.step(run.step_key), kinds):
                run.due_at = now

    def _propose(self, candidate: Candidate, because: str, now: datetime) -> None:
        runs = self._known_runs(now)
        verdict = judge(candidate, runs, self.knowledge.facts(candidate.since), now)
        match verdict.result:
            case "enrolled":
                self._enter(candidate, verdict, because, now)
            case "merged":
                self.record.merged += 1
                for run in self._active:
                    if run.id == verdict.run_id:
                        run.merged += 1
            case "already_active":
                self.record.met_again += 1
            case _:
                self.record.refusals.append((now, verdict.reason))

    def _enter(self, candidate: Candidate, verdict: Verdict, because: str, now: datetime) -> None:
        for run_id in verdict.replaces:
            self._give_way(run_id, now)
        run = Run(
            id=-next(self._ids),
            key=candidate.key,
            entered_at=now,
            because=because,
            goal_since=candidate.since,
            step_key=self.journey.first,
            step_since=now,
            due_at=now.replace(second=0, microsecond=0),
            depth=candidate.depth,
            is_holdout=verdict.is_holdout,
        )
        self.record.runs.append(run)
        self._active.append(run)

    def _give_way(self, run_id: int, now: datetime) -> None:
        other = self.others.get(run_id)
        if other is None:
            for run in self._active:
                if run.id == run_id:
                    self._end(run, f"replaced by {self.journey.sequence}", now)
                    return
            return
        self.others[run_id] = other._replace(ended_at=now)
        self.record.would_replace.append(other.sequence)

    def _known_runs(self, now: datetime) -> list[KnownRun]:
        """The person's runs as they stood then: real ones of before and of the group, and the rehearsed ones."""
        known = []
        for other in self.others.values():
            if other.enrolled_at > now or (other.enrolled_at == now and other.id not in self._arrived):
                continue
            is_active = other.ended_at >= now
            if is_active or other.sequence_id == self.journey.sequence_id:
                known.append(
                    KnownRun(
                        other.id,
                        other.sequence_id,
                        other.sequence,
                        other.key,
                        is_active,
                        other.enrolled_at,
                        other.group_id,
                        other.priority,
                        other.is_holdout,
                    )
                )
        journey = self.journey
        known += [
            KnownRun(
                run.id,
                journey.sequence_id,
                journey.sequence,
                run.key,
                run.is_active,
                run.entered_at,
                journey.group_id,
                journey.priority,
                run.is_holdout,
            )
            for run in self.record.runs
        ]
        return known

    # --- what the clock brings
    def _do_what_is_due(self, now: datetime) -> None:
        for _ in range(MOST_ROUNDS):
            moved = self._advance(now)
            while self._raised:  # nobody is mailed on stale knowledge
                raised, self._raised = self._raised, []
                self._react(raised, now)
                moved |= self._advance(now)
            if not self._send(now) and not moved:
                return

    def _advance(self, now: datetime) -> bool:
        due = [run for run in self._active if run.due_at is not None and run.due_at <= now]
        for run in due:
            position = Position(
                enrollment_id=run.id,
                lead_id=self.record.lead_id,
                step_key=run.step_key,
                step_since=run.step_since,
                is_waiting=run.is_waiting,
                due_at=run.due_at,
                enrolled_at=run.entered_at,
                zone=self.past.person.zone,
                is_holdout=run.is_holdout,
            )
            for decision in decide(self.journey, position, self.knowledge.facts(run.goal_since), now):
                self._apply(run, decision, now)
        return bool(due)

    def _apply(self, run: Run, decision: Decision, now: datetime) -> None:
        match decision:
            case Queue():
                self._queue(run, decision, now)
            case Stay():
                run.step_key, run.step_since = decision.step_key, decision.step_since
                run.is_waiting, run.due_at = True, decision.until
            case Leave():
                self._end(run, decision.reason, now)
            case Note():
                run.notes.append((now, decision.step_key, decision.reason))
            case _:
                self._effect(run, decision, now)

    def _effect(self, run: Run, decision: Decision, now: datetime) -> None:
        self.record.effects.append((now, decision.step_key))
        run.notes.append((now, decision.step_key, decision.reason))
        lineage = (*run.lineage, f"sequence:{self.journey.sequence}")
        lead_id = self.record.lead_id
        if isinstance(decision, SetField) and self.knowledge.set(decision.field, decision.value):
            told = {"fields": [decision.field], "source": "sequence"}
            self._raised.append(EventRow(0, lead_id, "lead.updated", told, now, now, "engine", run.depth + 2, lineage))
        if isinstance(decision, Notify):
            told = {"sequence": self.journey.sequence, "step": decision.step_key, "message": decision.message}
            self._raised.append(
                EventRow(0, lead_id, "sequence.notified", told, now, now, "engine", run.depth + 1, lineage)
            )

    def _queue(self, run: Run, queued: Queue, now: datetime) -> None:
        if any(mail.step_key == queued.step_key for mail in run.mails):
            return
        is_marketing, topic_id = self.scene.mails[queued.template_id]
        mail = Mail(
            id=next(self._ids),
            run=run,
            step_key=queued.step_key,
            variant_key=queued.variant_key,
            is_marketing=is_marketing,
            topic_id=topic_id,
            queued_at=now,
            due_at=queued.due_at or now,
            expires_at=getattr(queued, "expires_at", None),
            is_shadow=queued.is_shadow and is_marketing,
        )
        run.mails.append(mail)
        self._open.append(mail)

    # --- sending
    def _send(self, now: datetime) -> bool:
        due = sorted((mail for mail in self._open if mail.due_at <= now), key=lambda mail: (mail.due_at, mail.id))
        leaving: list[tuple[Run, str]] = []
        for mail in due:
            case = self._case(mail, now)
            match checks.verdict(case, self.scene.policy, now):
                case checks.Defer() as deferred:
                    mail.waits.append((now, deferred.until, deferred.reason))
                    mail.crowded_by = mail.crowded_by or self._crowd(mail, case, deferred, now)
                    mail.due_at, mail.reason = deferred.until, deferred.reason
                case checks.Drop() as dropped:
                    self._close(mail, dropped.state, dropped.reason, now)
                    if dropped.exit_reason:
                        leaving.append((mail.run, dropped.exit_reason))
                case checks.Go():
                    self._sent(mail, now)
        for run, reason in leaving:
            self._end(run, reason, now)
        return bool(due)

    def _case(self, mail: Mail, now: datetime) -> checks.Case:
        run = mail.run
        leave = exit_of(self.journey, self.knowledge.facts(run.goal_since), now) if run.is_active else None
        return checks.Case(
            is_marketing=mail.is_marketing,
            topic_id=mail.topic_id,
            expires_at=mail.expires_at,
            attempts=0,
            run_is_over=not run.is_active and run.exit_reason != "completed",
            exit_reason=leave.reason if leave else "",
            suppressions=[(b.scope, b.topic_id) for b in self.past.blocks if b.begins <= now < b.ends],
            marketing_times=[*self._others_times(mail, now), *self.sent_at] if mail.is_marketing else [],
            is_shadow=mail.is_shadow,
        )

    def _others_times(self, mail: Mail, now: datetime) -> list[datetime]:
        """When others really mailed the person: before now, and now if theirs goes first."""
        ours = (-self.journey.priority, mail.due_at)
        return [
            other.at
            for other in self.past.mails
            if other.at < now or (other.at == now and (-other.priority, other.due_at) < ours)
        ]

    def _crowd(self, mail: Mail, case: checks.Case, deferred: checks.Defer, now: datetime) -> tuple[str, ...]:
        """Sequences without whose real mails this one would not have met the cap."""
        if not deferred.reason.startswith("cap:"):
            return ()
        alone = replace(case, marketing_times=list(self.sent_at))
        if isinstance(checks.cap(alone, self.scene.policy, now), checks.Defer):
            return ()
        since = now - timedelta(days=self.scene.policy.cap_days)
        return tuple(dict.fromkeys(other.sequence for other in self.past.mails if since < other.at <= now))

    def _sent(self, mail: Mail, now: datetime) -> None:
        mail.close("sent", "", now)
        self._open.remove(mail)
        if mail.is_marketing:
            self.sent_at.append(now)
        told = {"message": -mail.id, "sequence_id": self.journey.sequence_id, "step": mail.step_key}
        self.knowledge.learn(EventRow(0, self.record.lead_id, "email.sent", told, now, now, "outbox", 0))
        self._wake(mail, now)

    def _close(self, mail: Mail, state: str, reason: str, now: datetime) -> None:
        mail.close(state, reason, now)
        self._open.remove(mail)
        self._wake(mail, now)

    def _wake(self, mail: Mail, now: datetime) -> None:
        """Its run goes on when a mail has its end."""
        run = mail.run
        if run.is_active and run.is_waiting and run.due_at is None and run.step_key == mail.step_key:
            run.due_at = now

    def _end(self, run: Run, reason: str, now: datetime) -> None:
        """As `exits.end`: what of it is still to be sent ends with it."""
        if not run.is_active:
            return
        run.ended_at, run.exit_reason, run.due_at = now, reason, None
        self._active.remove(run)
        for mail in [mail for mail in self._open if mail.run is run]:
            mail.close("canceled", reason, now)
            self._open.remove(mail)
