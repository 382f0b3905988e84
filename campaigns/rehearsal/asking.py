"""What a rehearsal must know of the past: the events and fields that its versions look at. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.engine.anchors import Anchor
from campaigns.engine.deciding import Journey
from campaigns.engine.goals import COLLEAGUE_ACTED
from campaigns.engine.triggers import lineage_name
from leads.batch import EventRow
from leads.engagement import SUNSET
from leads.projection import FOLDS
from lifecycle.core import rules

SCORES = frozenset({"score", "fit_score", "intent_score", "temperature"})
STAGES = frozenset({"stage", "stage_since"})
DEMO = frozenset({"demo_booked", "demo_status"})
CLIENT = frozenset({"is_client"})
OWNER = frozenset({"owner"})
WEBINARS = frozenset({"webinars"})
# What says whether marketing mail rests, and how engaged the person was.
RESTS = frozenset({"lead.sunset", "lead.revived", "tier.changed"})
ENGAGEMENT = frozenset({"engagement_tier", "sunset_at"})
# Never changes once it is there.
CONSTANT = frozenset({"email", "email_domain", "created_at", "form_source", "timezone"})
WITH_HISTORY = SCORES | STAGES | DEMO | CLIENT | OWNER | WEBINARS | ENGAGEMENT | CONSTANT


@dataclass(frozen=True, slots=True)
class Questions:
    """`spans`: event kind → how far before the period its events count (None: from the first); `read`: kinds whose
    properties are looked at; `every_instant`: a rule may change its answer with any event, even of another kind."""

    sequence_id: int
    sequence: str
    group_id: int | None
    priority: int
    since: datetime
    until: datetime
    spans: Mapping[str, timedelta | None]
    read: frozenset[str]
    fields: frozenset[str]
    cap_days: int
    every_instant: bool
    variants: bool = False
    company_goals: frozenset[str] = frozenset()
    dates: tuple[Anchor, ...] = ()

    @property
    def stages(self) -> bool:
        return bool(self.fields & (STAGES | CLIENT))

    @property
    def scores(self) -> bool:
        return bool(self.fields & SCORES)

    @property
    def as_today(self) -> list[str]:
        """Fields that have no history, so they are taken as they are now."""
        return sorted(self.fields - WITH_HISTORY)

    def goes_first(self, priority: int, sequence_id: int) -> bool:
        """Whether another sequence is judged before ours when both are proposed at once."""
        return (-priority, sequence_id) < (-self.priority, self.sequence_id)

    def is_own(self, event: EventRow) -> bool:
        """Whether the event is one that the rehearsed run makes itself: its mails, its notes, the fields it sets."""
        properties = event.properties
        if event.kind == "email.sent":
            return bool(properties.get("sequence_id") == self.sequence_id)
        if event.kind == "sequence.notified":
            return bool(properties.get("sequence") == self.sequence)
        if event.kind == COLLEAGUE_ACTED:
            return True  # it was only told to people who were really inside
        sets = event.kind == "lead.updated" and properties.get("source") == "sequence"
        if not sets and event.kind not in ("lead.sunset", "lead.revived"):
            return False
        return lineage_name(self.sequence) in event.lineage

    def is_answer(self, event: EventRow) -> bool:
        """Whether the event answers a mail of the rehearsed sequence; it only counts if that mail was rehearsed too."""
        return event.kind in ANSWERS and event.properties.get("sequence") == self.sequence


ANSWERS = frozenset({"email.clicked", "email.opened"})
_OF_MAILS = ANSWERS | {"email.sent", "sequence.notified", "lead.updated"}


def questions(journeys: Sequence[Journey], *, since: datetime, until: datetime, cap_days: int) -> Questions:
    """What these versions of one sequence ask together."""
    first = journeys[0]
    needs = rules.Needs().merge(*(need for journey in journeys for need in _needs_of(journey)))
    spans = _spans_of(journeys, needs)
    read = frozenset(spans) | _OF_MAILS
    dates = _dates_of(journeys)
    fields = needs.fields | (CLIENT if any(journey.sets(SUNSET) for journey in journeys) else frozenset())
    for kind in _folded(fields) | RESTS:
        spans[kind] = None
    return Questions(
        sequence_id=first.sequence_id,
        sequence=first.sequence,
        group_id=first.group_id,
        priority=first.priority,
        since=since,
        until=until,
        spans=spans,
        read=read | RESTS | ({"owner.assigned"} & spans.keys()),
        fields=fields | (SCORES if fields & SCORES else frozenset()) | {each.lead_field for each in dates},
        cap_days=cap_days,
        every_instant=any(
            journey.exit_needs.time_dependent or (journey.may_wait and journey.entry_needs.time_dependent)
            for journey in journeys
        ),
        variants=any(journey.has_variants for journey in journeys),
        company_goals=frozenset(rule.goal for journey in journeys for rule in journey.exits if rule.by_company),
        dates=dates,
    )


def _spans_of(journeys: Sequence[Journey], needs: rules.Needs) -> dict[str, timedelta | None]:
    """How far back each kind of event is asked for, before the rehearsed time begins; None: as far as there is any."""
    spans: dict[str, timedelta | None] = {
        trigger.event_kind: timedelta() for journey in journeys for trigger in journey.triggers
    }
    for need in needs.events:
        span = None if need.since_enrollment else need.within
        known = spans.get(need.kind, timedelta())
        spans[need.kind] = None if span is None or known is None else max(span, known)
    return spans


def _dates_of(journeys: Sequence[Journey]) -> tuple[Anchor, ...]:
    """The dates of people that let them in, each once."""
    triggers = (trigger for journey in journeys for trigger in journey.triggers if trigger.date_field)
    return tuple(dict.fromkeys(Anchor(lead_field=each.date_field, offset=each.offset) for each in triggers))


def _needs_of(journey: Journey) -> tuple[rules.Needs, ...]:
    return journey.entry_needs, journey.exit_needs, journey.step_needs, journey.send_needs


def _folded(fields: frozenset[str]) -> set[str]:
    """Kinds of events that a field's value is read from."""
    kinds: set[str] = set()
    if fields & DEMO:
        kinds |= {kind for kind in FOLDS if kind.startswith("meeting.")}
    if fields & CLIENT:
        kinds |= {kind for kind in FOLDS if not kind.startswith(("meeting.", "webinar."))}
    if fields & WEBINARS:
        kinds |= {kind for kind in FOLDS if kind.startswith("webinar.")}
    if fields & OWNER:
        kinds.add("owner.assigned")
    return kinds
