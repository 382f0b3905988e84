"""One person lives through the period again, under one version: the virtual clock stops wherever something happens."""

from datetime import datetime

from campaigns.engine.deciding import decide
from campaigns.engine.steps import Decision, Leave, Note, Notify, Position, Queue, SetField, Stay
from campaigns.engine.triggers import lineage_of
from campaigns.rehearsal.entering import Entrance
from campaigns.rehearsal.knowing import Knowledge
from campaigns.rehearsal.mailing import Mailing
from campaigns.rehearsal.past import Past, Wave
from campaigns.rehearsal.records import Record, Run
from campaigns.rehearsal.standing import Scene, Standing
from campaigns.running.reactions import changed_by, reminds, wakes
from leads.batch import EventRow
from leads.engagement import SUNSET

# As many rounds as the engine makes at one moment.
MOST_ROUNDS = 50


class Life:
    def __init__(self, scene: Scene, past: Past, lead_id: int) -> None:
        self.scene = scene
        self.past = past
        self.journey = scene.journey
        knowledge = Knowledge(past.person, scene.thresholds, stage=past.stage, tier=past.first_tier)
        self.standing = Standing(scene, past, Record(lead_id), knowledge)
        self.entrance = Entrance(self.standing)
        self.mailing = Mailing(self.standing)
        self._met = dict(past.assignments)
        self._raised: list[EventRow] = []
        self._set: dict[str, list[object]] = {}

    def live(self) -> Record:
        """From the first event of the period to its end; what came of it."""
        for event in self.past.before:
            self.standing.knowledge.learn(event)
        waves, place, until = self.past.waves, 0, self.scene.asked.until
        while True:
            now = waves[place].at if place < len(waves) else None
            due = self._next_due()
            if due is not None and (now is None or due < now):
                now = due
            if now is None or now >= until:
                self.standing.record.waiting = self.entrance.still_waiting
                return self.standing.record
            while place < len(waves) and waves[place].at == now:
                self._meet(waves[place], now)
                place += 1
            self._do_what_is_due(now)

    def _next_due(self) -> datetime | None:
        standing = self.standing
        if not standing.active and not standing.open:
            return self.entrance.next_end()
        times = [run.due_at for run in standing.active if run.due_at is not None]
        times += [mail.due_at for mail in standing.open]
        end = self.entrance.next_end()
        return min([*times, end] if end else times, default=None)

    # --- what comes from outside
    def _meet(self, wave: Wave, now: datetime) -> None:
        for block in wave.blocks:
            self.mailing.opt_out(block, now)
            if block.scope != "topic" and self.scene.sends_marketing:
                self.entrance.give_up(block.reason, now)
        for arrival in wave.arrivals:
            self.entrance.arrive(arrival, now)
        self.standing.knowledge.change(wave.changes)
        events = [event for event in wave.events if self._counts(event)]
        for event in events:
            self.standing.knowledge.learn(event)
        if wave.is_processed:
            self._react(events, now)

    def _counts(self, event: EventRow) -> bool:
        """An answer to a mail of ours only, if this version would have sent that mail to this person before."""
        if not self.scene.asked.is_answer(event):
            return True
        step = event.properties.get("step")
        if any(mail.step_key == step and mail.state == "sent" for mail in self.standing.record.mails):
            return True
        self.standing.record.answers_left_out += 1
        return False

    def _react(self, events: list[EventRow], now: datetime) -> None:
        """As `campaigns.running.reactions`: entries first, then exits, then wake-ups."""
        standing = self.standing
        self.entrance.meet(events, now)
        if not standing.active:
            return
        latest = max([now, *(event.occurred_at for event in events)])
        for run in list(standing.active):
            leave = standing.exit_of(run, latest)
            if leave is not None:
                standing.end(run, leave.reason, now)
        kinds = {event.kind for event in events}
        changed = set().union(*map(changed_by, events))
        for run in standing.active:
            if run.is_waiting and wakes(self.journey.step(run.step_key), kinds, changed):
                run.due_at = now
            if reminds(self.journey.step(run.step_key), changed):
                standing.look_again(run, now)

    # --- what the clock brings
    def _do_what_is_due(self, now: datetime) -> None:
        self.entrance.expire(now)
        for _ in range(MOST_ROUNDS):
            moved = self._advance(now)
            while self._raised:  # nobody is mailed on stale knowledge
                raised, self._raised = self._raised, []
                for event in raised:
                    self.standing.knowledge.learn(event)
                self._react(raised, now)
                moved |= self._advance(now)
            if not self.mailing.send(now) and not moved:
                return

    def _advance(self, now: datetime) -> bool:
        due = [run for run in self.standing.active if run.due_at is not None and run.due_at <= now]
        for run in due:
            position = self._position(run, now)
            for decision in decide(self.journey, position, self.standing.knowledge.facts(run.goal_since), now):
                self._apply(run, decision, now)
        return bool(due)

    def _position(self, run: Run, now: datetime) -> Position:
        return Position(
            enrollment_id=run.id,
            lead_id=self.standing.record.lead_id,
            step_key=run.step_key,
            step_since=run.step_since,
            is_waiting=run.is_waiting,
            due_at=run.due_at,
            enrolled_at=run.entered_at,
            zone=self.past.person.zone,
            assignments=self._met,
            promotions=self.scene.promotions(now),
            is_holdout=run.is_holdout,
            key=run.key,
            context=run.context,
        )

    def _apply(self, run: Run, decision: Decision, now: datetime) -> None:
        """As `campaigns.running.runner`, but on these values alone."""
        match decision:
            case Queue():
                self.mailing.queue(run, decision, now)
                if decision.assigns:
                    self._met[decision.step_key] = decision.variant_key
            case Stay():
                run.step_key, run.step_since = decision.step_key, decision.step_since
                run.is_waiting, run.due_at = True, decision.until
            case Leave():
                self.standing.end(run, decision.reason, now)
            case Note():
                run.notes.append((now, decision.step_key, decision.reason))
            case _:
                self.standing.record.effects.append((now, decision.step_key))
                run.notes.append((now, decision.step_key, decision.reason))
                self._tell(run, decision, now)

    def _sets(self, decision: SetField) -> bool:
        """Whether the field changes. What it was before nobody knows, so the first time it does."""
        self.standing.knowledge.set(decision.field, decision.value)
        before, self._set[decision.field] = self._set.get(decision.field), [decision.value]
        return before != [decision.value]

    def _rests(self, is_to_rest: bool) -> str:
        """As `leads.engagement.resting`: the kind of event it makes, "" if nothing changes."""
        knowledge = self.standing.knowledge
        if is_to_rest == (knowledge.sunset_at is not None) or (is_to_rest and knowledge.fields.get("is_client")):
            return ""
        return "lead.sunset" if is_to_rest else "lead.revived"

    def _tell(self, run: Run, decision: Decision, now: datetime) -> None:
        """The events that the step would have written, as far as they come back to this sequence."""
        lead_id, lineage = self.standing.record.lead_id, lineage_of(self.journey.sequence, run.lineage)
        if isinstance(decision, SetField) and decision.field == SUNSET:
            kind = self._rests(decision.value is True)
            if kind:  # learnt with the others
                self._raised.append(EventRow(0, lead_id, kind, {}, now, now, "engine", run.depth + 2, lineage))
        elif isinstance(decision, SetField) and self._sets(decision):
            told = {"fields": [decision.field.partition(".")[0]], "source": "sequence"}
            depth = run.depth + 2
            self._raised.append(EventRow(0, lead_id, "lead.updated", told, now, now, "engine", depth, lineage))
        if isinstance(decision, Notify):
            told = {"sequence": self.journey.sequence, "step": decision.step_key, "message": decision.message}
            depth = run.depth + 1
            self._raised.append(EventRow(0, lead_id, "sequence.notified", told, now, now, "engine", depth, lineage))
