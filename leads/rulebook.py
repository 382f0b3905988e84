"""The marketers' rules as the pipeline uses them: read in one query each batch, parsed once per process and content."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol, TypeVar

import msgspec

from leads.rule_fields import VOCABULARY
from leads.scoring import Group, Limit, Thresholds
from leads.tiers import Thresholds as TierThresholds
from lifecycle.core import sql
from lifecycle.core.rules import EventFact, Facts, Needs, Rule, RuleError, parse

T = TypeVar("T")
logger = logging.getLogger(__name__)

_READ = """
    SELECT jsonb_build_object(
        'workspace', (SELECT jsonb_build_object(
                          'warm', warm_at, 'hot', hot_at, 'half_life', intent_half_life_days,
                          'tiers', ARRAY[tier_most_acts, tier_most_days, tier_engaged_days, tier_quiet_days])
                      FROM leads_workspace WHERE id = 1),
        'scores', (SELECT jsonb_agg(to_jsonb(r) || jsonb_build_object(
                                        'group', g.slug, 'cap', g.cap, 'dimension', g.dimension)
                                    ORDER BY g.slug, r.points DESC, r.slug)
                   FROM leads_scorerule r JOIN leads_scoregroup g ON g.id = r.group_id),
        'stages', (SELECT jsonb_agg(to_jsonb(s) ORDER BY s.position, s.slug) FROM leads_stagerule s WHERE s.is_active),
        'segments', (SELECT jsonb_agg(jsonb_build_object('id', id, 'slug', slug, 'rule', rule) ORDER BY slug)
                     FROM leads_segment WHERE is_active)
    )::text
"""
_ALWAYS = parse({}, VOCABULARY)


class Happening(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def properties(self) -> dict[str, Any]: ...
    @property
    def occurred_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a rule applies: to its kind of event (any, if empty) with such properties, while the condition holds."""

    kind: str = ""
    where: Rule | None = None
    condition: Rule = _ALWAYS

    def fits(self, event: Happening) -> bool:
        if self.kind and event.kind != self.kind:
            return False
        if self.where is None:
            return True
        fact = EventFact(event.occurred_at, event.properties)
        return self.where.matches(Facts({}, {event.kind: (fact,)}), event.occurred_at)


@dataclass(frozen=True, slots=True)
class ScoringRule:
    id: int
    slug: str
    points: int
    group: Group
    dimension: str
    is_active: bool
    trigger: Trigger
    limit: Limit | None = None


@dataclass(frozen=True, slots=True)
class MovingRule:
    """A stage rule."""

    id: int
    slug: str
    to: str
    from_stages: frozenset[str]
    reason: str
    swept: bool
    trigger: Trigger


@dataclass(frozen=True, slots=True)
class LivingSegment:
    id: int
    slug: str
    rule: Rule

    @property
    def waits(self) -> bool:
        """Whether people come and go by time alone."""
        return self.rule.needs().time_dependent


@dataclass(frozen=True)
class Rulebook:
    thresholds: Thresholds
    half_life: timedelta
    scores: Mapping[int, ScoringRule]
    moves: tuple[MovingRule, ...]
    swept: tuple[MovingRule, ...]
    segments: tuple[LivingSegment, ...]
    fit: tuple[ScoringRule, ...] = ()
    intent: Mapping[str, tuple[ScoringRule, ...]] = field(default_factory=dict)
    group_members: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    needs: Needs = field(default_factory=Needs)
    fit_needs_events: bool = False
    moves_by_kind: Mapping[str, tuple[MovingRule, ...]] = field(default_factory=dict)
    tiers: TierThresholds = field(default_factory=TierThresholds)

    def moves_on(self, kind: str) -> tuple[MovingRule, ...]:
        """Stage rules that an event of this kind can set off, in their order."""
        return self.moves_by_kind.get(kind) or self.moves_by_kind[""]


def current() -> Rulebook:
    """The rules as they are in the database now: one query."""
    return _parsed(sql.fetch(_READ)[0][0])


@lru_cache(maxsize=8)
def _parsed(content: str) -> Rulebook:
    data = msgspec.json.decode(content)
    workspace = data["workspace"] or {"warm": 31, "hot": 80, "half_life": 30, "tiers": TierThresholds()}
    scores = {rule.id: rule for rule in _each(data["scores"], _score)}
    stage_rules = tuple(_each(data["stages"], _move))
    moves = tuple(rule for rule in stage_rules if not rule.swept)
    segments = tuple(_each(data["segments"], _segment))
    active = [rule for rule in scores.values() if rule.is_active]
    fit = tuple(rule for rule in active if rule.dimension == "fit")
    conditions = [*(rule.trigger.condition for rule in active), *(rule.trigger.condition for rule in moves)]
    return Rulebook(
        thresholds=Thresholds(workspace["warm"], workspace["hot"]),
        tiers=TierThresholds(*workspace["tiers"]),
        half_life=timedelta(days=workspace["half_life"]),
        scores=scores,
        moves=moves,
        swept=tuple(rule for rule in stage_rules if rule.swept),
        segments=segments,
        fit=fit,
        intent=_by_key((rule for rule in active if rule.dimension == "intent"), lambda rule: rule.trigger.kind),
        group_members={
            group: tuple(rule.id for rule in rules)
            for group, rules in _by_key(scores.values(), lambda rule: rule.group.slug).items()
        },
        needs=Needs().merge(*(rule.needs() for rule in (*conditions, *(segment.rule for segment in segments)))),
        fit_needs_events=any(rule.trigger.condition.needs().events for rule in fit),
        moves_by_kind=_moves_by_kind(moves),
    )


def _score(row: dict[str, Any]) -> ScoringRule:
    limit = Limit(row["limit_times"], timedelta(days=row["limit_days"])) if row["limit_times"] else None
    group = Group(row["group"], row["cap"])
    trigger = _trigger(row)
    return ScoringRule(row["id"], row["slug"], row["points"], group, row["dimension"], row["is_active"], trigger, limit)


def _move(row: dict[str, Any]) -> MovingRule:
    stages = frozenset(row["from_stages"])
    return MovingRule(row["id"], row["slug"], row["to"], stages, row["reason"], row["swept"], _trigger(row))


def _segment(row: dict[str, Any]) -> LivingSegment:
    return LivingSegment(row["id"], row["slug"], parse(row["rule"], VOCABULARY))


def _trigger(row: dict[str, Any]) -> Trigger:
    kind, where = row["event_kind"], row["where"]
    return Trigger(
        kind=kind,
        where=parse({"event": kind, "where": where}, VOCABULARY) if kind and where else None,
        condition=parse(row["condition"], VOCABULARY),
    )


def _each(rows: list[dict[str, Any]] | None, read: Callable[[dict[str, Any]], T]) -> Iterable[T]:
    """A rule that no longer reads (its field is gone) is left out and named, so that it cannot hold up everyone."""
    for row in rows or []:
        try:
            yield read(row)
        except RuleError as error:
            logger.error("rule %s is left out, it does not read: %s", row["slug"], error)


def _by_key(items: Iterable[T], key: Callable[[T], str]) -> dict[str, tuple[T, ...]]:
    found: dict[str, tuple[T, ...]] = {}
    for item in items:
        found[key(item)] = (*found.get(key(item), ()), item)
    return found


def _moves_by_kind(moves: tuple[MovingRule, ...]) -> dict[str, tuple[MovingRule, ...]]:
    kinds = {rule.trigger.kind for rule in moves} | {""}
    return {kind: tuple(rule for rule in moves if rule.trigger.kind in (kind, "")) for kind in kinds}
