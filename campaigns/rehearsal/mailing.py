"""The way out: mails are queued, looked at by `checks.verdict`, and taken as sent when it lets them go."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from campaigns.engine.steps import Queue
from campaigns.rehearsal.past import Block
from campaigns.rehearsal.records import Mail, Run
from campaigns.rehearsal.standing import Standing
from campaigns.sending import checks, timing
from leads.batch import EventRow


@dataclass(frozen=True, slots=True)
class _Look:
    """A mail as `timing.look` asks of it."""

    step_key: str
    variant_key: str
    run_context: dict[str, object]
    step_since: datetime | None


class Mailing:
    def __init__(self, standing: Standing) -> None:
        self.standing = standing
        self._sent_at: list[datetime] = []

    def queue(self, run: Run, queued: Queue, now: datetime) -> None:
        """As `outbox.queue`: one mail of a step in a run, whatever is repeated."""
        if any(mail.step_key == queued.step_key for mail in run.mails):
            return
        is_marketing, topic_id = self.standing.scene.mails[queued.template_id]
        mail = Mail(
            id=next(self.standing.ids),
            run=run,
            step_key=queued.step_key,
            variant_key=queued.variant_key,
            is_marketing=is_marketing,
            topic_id=topic_id,
            queued_at=now,
            due_at=queued.due_at or now,
            expires_at=queued.expires_at,
            is_shadow=queued.is_shadow and is_marketing,
        )
        run.mails.append(mail)
        self.standing.open.append(mail)

    def opt_out(self, block: Block, now: datetime) -> None:
        """As `suppressing.suppress`: runs that would bring marketing end, and what waits of it does not leave."""
        standing = self.standing
        if block.scope != "topic" and standing.scene.sends_marketing:
            for run in list(standing.active):
                standing.end(run, block.reason, now)
        for mail in list(standing.open):
            if block.scope == "everything" or (mail.is_marketing and block.topic_id in (None, mail.topic_id)):
                self._close(mail, "suppressed", f"suppression: {block.reason}", now)

    def send(self, now: datetime) -> bool:
        """Look at every mail that is due; whether there was one."""
        standing = self.standing
        due = [mail for mail in standing.open if mail.due_at <= now]
        if not due:
            return False
        due.sort(key=lambda mail: (mail.is_marketing, mail.due_at, mail.id))
        leaving: list[tuple[Run, str]] = []
        promised: list[datetime] = []
        for mail in due:
            case = self._case(mail, promised, now)
            match checks.verdict(case, standing.scene.policy, now):
                case checks.Defer() as deferred:
                    if deferred.reason.startswith("cap:"):
                        promised.append(deferred.until)
                        mail.crowded_by = mail.crowded_by or self._crowd(case, now)
                    mail.waits.append((now, deferred.until, deferred.reason))
                    mail.due_at, mail.reason = deferred.until, deferred.reason
                case checks.Drop() as dropped:
                    self._close(mail, dropped.state, dropped.reason, now)
                    if dropped.exit_reason:
                        leaving.append((mail.run, dropped.exit_reason))
                case checks.Go():
                    self._sent(mail, now)
        for run, reason in leaving:
            standing.end(run, reason, now)
        return True

    def _case(self, mail: Mail, promised: list[datetime], now: datetime) -> checks.Case:
        standing, run = self.standing, mail.run
        leave = standing.exit_of(run, now) if run.is_active else None
        case = checks.Case(
            is_marketing=mail.is_marketing,
            topic_id=mail.topic_id,
            expires_at=mail.expires_at,
            attempts=0,
            run_is_over=not run.is_active and run.exit_reason != "completed",
            exit_reason=leave.reason if leave else "",
            suppressions=[(each.scope, each.topic_id) for each in standing.past.blocks if each.holds(now)],
            marketing_times=[*self._theirs(mail, now), *self._sent_at] if mail.is_marketing else [],
            promised=promised,
            is_shadow=mail.is_shadow,
            sunset_at=standing.knowledge.sunset_at,
        )
        since = run.step_since if run.step_key == mail.step_key else None
        looked = _Look(mail.step_key, mail.variant_key, run.context, since)
        timing.look(case, looked, standing.journey, standing.knowledge, standing.scene.calendar)
        return case

    def _theirs(self, mail: Mail, now: datetime) -> list[datetime]:
        """When others really mailed the person: before now, and now if theirs goes first."""
        standing = self.standing
        ours = (-standing.journey.priority, mail.due_at)
        return [
            other.at
            for other in standing.past.mails
            if other.at < now or (other.at == now and (-other.priority, other.due_at) < ours)
        ]

    def _crowd(self, case: checks.Case, now: datetime) -> tuple[str, ...]:
        """Sequences without whose real mails this one would not have met the cap."""
        policy = self.standing.scene.policy
        if checks.cap(replace(case, marketing_times=list(self._sent_at)), policy, now) is not None:
            return ()
        since = now - timedelta(days=policy.cap_days)
        return tuple(dict.fromkeys(other.sequence for other in self.standing.past.mails if since < other.at <= now))

    def _sent(self, mail: Mail, now: datetime) -> None:
        standing = self.standing
        if mail.is_marketing:
            self._sent_at.append(now)
        told = {"message": -mail.id, "sequence_id": standing.journey.sequence_id, "step": mail.step_key}
        standing.knowledge.learn(EventRow(0, standing.record.lead_id, "email.sent", told, now, now, "outbox", 0))
        self._close(mail, "sent", "", now)

    def _close(self, mail: Mail, state: str, reason: str, now: datetime) -> None:
        """A mail has its end, and its run goes on."""
        mail.close(state, reason, now)
        self.standing.open.remove(mail)
        run = mail.run
        if run.is_active and run.is_waiting and run.due_at is None and run.step_key == mail.step_key:
            run.due_at = now
