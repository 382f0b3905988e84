"""What came of each arm: people in the order their mail left, and who of them did what counts. Set-based."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from campaigns.engine.deciding import Trigger
from campaigns.engine.triggers import fires
from campaigns.models import Experiment, Sequence, Variant
from campaigns.running import journeys
from leads.appraisal import MACHINES_TOO
from leads.batch import EventRow
from lifecycle.core import sql
from lifecycle.core.statistics import Arm

# A person counts once, with their first mail of the step; of each arm only the first `minimum_sample` count. People of
# a version on trial may get other mails under the same names, so they are no part of it until it is promoted.
_SAMPLE = """
    SELECT id, lead_id, variant_key, sent_at, people FROM (
        SELECT id, lead_id, variant_key, sent_at,
               row_number() OVER (PARTITION BY variant_key ORDER BY sent_at, id) AS place,
               count(*) OVER (PARTITION BY variant_key) AS people
        FROM (
            SELECT DISTINCT ON (lead_id) id, lead_id, variant_key, sent_at FROM campaigns_message m
            WHERE sequence_id = %b AND step_key = %b AND variant_key = ANY(%b::text[]) AND state = 'sent'
              AND NOT is_shadow AND created_at >= %b::timestamptz AND sent_at <= %b::timestamptz
              AND NOT EXISTS (
                  SELECT FROM campaigns_enrollment e JOIN campaigns_sequence s ON s.canary_version_id = e.version_id
                  WHERE e.id = m.enrollment_id)
            ORDER BY lead_id, sent_at, id
        ) firsts
    ) ranked
    WHERE place <= %b
"""
_GOALS = """
    SELECT m.id, e.id, e.lead_id, e.kind, e.properties, e.occurred_at, e.recorded_at, e.source, e.depth
    FROM unnest(%b::bigint[], %b::bigint[], %b::timestamptz[]) AS m (id, lead_id, sent_at)
    JOIN leads_event e ON e.lead_id = m.lead_id AND e.kind = %b
      AND e.occurred_at > m.sent_at AND e.occurred_at <= least(m.sent_at + %b::interval, %b::timestamptz)
"""


@dataclass(frozen=True, slots=True)
class Sampled:
    """A mail that counts. `people`: how many got this arm by now, the later ones too."""

    message_id: int
    lead_id: int
    variant_key: str
    sent_at: datetime
    people: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a comparison stands. `complete_at`: when the last of the sample has had its time; None until it is full."""

    arms: tuple[Arm, ...]
    sample: int
    complete_at: datetime | None

    def missing(self, arm: Arm) -> int:
        """How many more people the arm needs."""
        return max(0, self.sample - arm.people)

    def in_words(self, now: datetime) -> str:
        """What it waits for."""
        if len(self.arms) < 2:
            return "Nothing to compare: the published step has fewer than two variants with a weight."
        lacking = [f"{self.missing(arm):,} more people for {arm.key}" for arm in self.arms if self.missing(arm)]
        if lacking:
            return f"Not judged yet: needs {' and '.join(lacking)}."
        if self.complete_at is not None and self.complete_at > now:
            return (
                f"The sample is complete; the last of it have time to act until {self.complete_at:%Y-%m-%d %H:%M} UTC."
            )
        return "Complete: it is judged within minutes."

    def may_be_judged(self, now: datetime) -> bool:
        return self.complete_at is not None and self.complete_at <= now


def standing(experiment: Experiment, *, now: datetime) -> Standing:
    """The arms as they stand at `now`, within the sample. Three queries."""
    keys = arms_of(experiment)
    mails = _sample(experiment, keys, now)
    people = Counter(mail.variant_key for mail in mails)
    converted = _converted(experiment, mails, now)
    hits = Counter(mail.variant_key for mail in mails if mail.message_id in converted)
    arms = tuple(Arm(key, people[key], hits[key]) for key in keys)
    is_full = len(arms) > 1 and all(arm.people >= experiment.minimum_sample for arm in arms)
    last = max((mail.sent_at for mail in mails), default=None)
    complete_at = last + experiment.goal_within if is_full and last is not None else None
    return Standing(arms, experiment.minimum_sample, complete_at)


def arms_of(experiment: Experiment) -> list[str]:
    """The variants that are shared out: those of the published step with a weight."""
    published = Sequence.objects.filter(pk=experiment.sequence_id).values("current_version_id")
    variants = Variant.objects.filter(step__version__in=published, step__key=experiment.step_key, weight__gt=0)
    return list(variants.order_by("key").values_list("key", flat=True))


def _sample(experiment: Experiment, keys: list[str], now: datetime) -> list[Sampled]:
    if not keys:
        return []
    place = (experiment.sequence_id, experiment.step_key, keys)
    rows = sql.fetch(_SAMPLE, [*place, experiment.started_at, now, experiment.minimum_sample])
    return [Sampled(*row) for row in rows]


def _converted(experiment: Experiment, mails: Iterable[Sampled], now: datetime) -> set[int]:
    """Ids of the mails whose people did what counts, in time."""
    mails = list(mails)
    if not mails:
        return set()
    trigger = journeys.trigger({"event": experiment.goal, "where": experiment.goal_where})
    columns = [[mail.message_id for mail in mails], [mail.lead_id for mail in mails], [mail.sent_at for mail in mails]]
    rows = sql.fetch(_GOALS, [*columns, experiment.goal, experiment.goal_within, now])
    return {message_id for message_id, *event in rows if _counts(trigger, message_id, EventRow(*event))}


def _counts(trigger: Trigger, message_id: int, event: EventRow) -> bool:
    """What happened to a mail must have happened to this mail, and a click must be a person's."""
    if event.kind.startswith("email.") and event.properties.get("message") != message_id:
        return False
    if event.kind in MACHINES_TOO and event.properties.get("human") is not True:
        return False
    return fires(trigger, event)
