"""What every check says about the due mails of a claim, the most important first. The claim holds their locks."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from campaigns.broadcasts import sending
from campaigns.engine.deciding import Journey, exit_of
from campaigns.engine.goals import About
from campaigns.engine.steps import Leave
from campaigns.models import MessageClass
from campaigns.running import journeys, people
from campaigns.sending import checks, rates, timing
from lifecycle.core import sql

# And addresses that somebody wrote into a form with double opt-in, of whom nothing else was ever told.
_SUPPRESSED = """
    SELECT address_hash, scope, topic_id FROM campaigns_suppression WHERE address_hash = ANY(%b::text[])
    UNION ALL
    SELECT l.address_hash, 'unconfirmed', NULL FROM leads_lead l
    WHERE l.id = ANY(%b::bigint[]) AND l.original_touch_id IS NULL
      AND EXISTS (SELECT FROM leads_confirmation c
                  WHERE c.lead_id = l.id AND c.confirmed_at IS NULL AND c.requested_at <= l.created_at)
      AND NOT EXISTS (SELECT FROM leads_event e WHERE e.lead_id = l.id
                      AND e.kind IN ('form.submitted', 'lead.created', 'lead.updated', 'user.identified'))
"""


class Due(NamedTuple):
    id: int
    key: str
    lead_id: int
    enrollment_id: int | None
    template_version_id: int
    message_class: str
    topic_id: int | None
    context: dict[str, Any]
    priority: int
    due_at: datetime
    expires_at: datetime | None
    attempts: int
    run_state: str | None  # "completed" says nothing against a mail: the run's last one may have to be sent again
    version_id: int | None
    goal_since: datetime | None
    run_context: dict[str, Any] | None
    address_hash: str
    is_shadow: bool
    step_key: str
    variant_key: str
    had_its_turn: bool  # the sender account put it off before
    broadcast_run_id: int | None
    run_key: str | None
    step_since: datetime | None  # when the step before was over by plan, while the run is at the mail's step
    sunset_at: datetime | None = None

    @property
    def is_marketing(self) -> bool:
        return self.message_class == MessageClass.MARKETING


@dataclass
class Verdicts:
    go: list[Due] = field(default_factory=list)
    later: list[tuple[Due, checks.Defer]] = field(default_factory=list)
    never: list[tuple[Due, checks.Drop]] = field(default_factory=list)
    seen: dict[int, str] = field(default_factory=dict)  # message id → what the checks saw, as JSON


@dataclass
class Limits:
    """What is scarce, by lead id: slots under the cap, the sender account's tokens; and when marketing rests."""

    policy: checks.Policy
    turns: rates.Turns
    times: dict[int, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    promised: dict[int, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    rivals: list[Due] = field(default_factory=list)
    calendar: timing.Calendar = field(default_factory=timing.Calendar)

    def told(self, case: checks.Case, found: checks.Verdict, now: datetime) -> None:
        """Count what the verdict takes away from those who are judged after it."""
        self.turns.told(found)
        if isinstance(found, checks.Go) and case.is_marketing:
            case.marketing_times.append(now)
        elif isinstance(found, checks.Defer) and found.reason.startswith("cap:"):
            case.promised.append(found.until)


def judge(
    due: list[Due], known: dict[int, Journey], persons: dict[int, people.Person], limits: Limits, now: datetime
) -> Verdicts:
    """The most important first; what people wait for goes before marketing when the sender account is scarce."""
    suppressions = _suppressions(due)
    verdicts = Verdicts()
    for mail in sorted(due, key=lambda mail: (mail.is_marketing, -mail.priority, mail.due_at, mail.id)):
        if mail.run_state == "active" and mail.version_id not in known:
            verdicts.later.append(
                (mail, checks.Defer(now + journeys.SETBACK, "exit: its sequence cannot be read, see the log"))
            )
            continue
        leave = _leave(mail, known, persons[mail.lead_id], now)
        case = checks.Case(
            is_marketing=mail.is_marketing,
            topic_id=mail.topic_id,
            expires_at=mail.expires_at,
            attempts=mail.attempts,
            run_is_over=mail.run_state == "ended",
            exit_reason=leave.reason if leave else "",
            exit_event=leave.event_id if leave else None,
            suppressions=suppressions[mail.address_hash],
            marketing_times=limits.times[mail.lead_id],
            promised=limits.promised[mail.lead_id],
            rate=limits.turns.offer(is_patient=mail.is_marketing and not mail.had_its_turn, now=now),
            is_shadow=mail.is_shadow,
            sunset_at=mail.sunset_at,
            window=sending.window_of(mail),
        )
        timing.look(case, mail, known.get(mail.version_id or 0), persons[mail.lead_id], limits.calendar)
        found = checks.verdict(case, limits.policy, now)
        verdicts.seen[mail.id] = sql.to_json(checks.seen(case, limits.policy, now, found))
        limits.told(case, found, now)
        match found:
            case checks.Defer() as deferred:
                verdicts.later.append((mail, deferred))
            case checks.Drop() as dropped:
                verdicts.never.append((mail, dropped))
            case checks.Go():
                verdicts.go.append(mail)
    return verdicts


def _leave(mail: Due, known: dict[int, Journey], person: people.Person, now: datetime) -> Leave | None:
    if mail.version_id is None or mail.run_state != "active":
        return None
    about = About.run(mail.run_key or "", mail.run_context)
    return exit_of(known[mail.version_id], person.facts(mail.goal_since), now, about)


def _suppressions(due: Sequence[Due]) -> dict[str, list[tuple[str, int | None]]]:
    found: dict[str, list[tuple[str, int | None]]] = defaultdict(list)
    given = [[mail.address_hash for mail in due], [mail.lead_id for mail in due]]
    for address_hash, scope, topic_id in sql.fetch(_SUPPRESSED, given):
        found[address_hash].append((scope, topic_id))
    return found
