"""Published versions as the engine reads them. A version is immutable, so each process reads it once."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from operator import attrgetter
from typing import Any

from django.db.models import Prefetch

from campaigns.engine import deciding, resuming, steps, variants, windows
from campaigns.engine.anchors import Anchor
from campaigns.engine.goals import ExitRule
from campaigns.engine.triggers import DATE_REACHED
from campaigns.models import SequenceVersion, Step
from leads.rule_fields import VOCABULARY
from lifecycle.core import durations, rules, sql

logger = logging.getLogger(__name__)

# Where a sequence cannot say what comes next, it is asked again this much later; everybody else goes on.
SETBACK = timedelta(minutes=15)

# Every form asks this twice before its answer, and making the statement would take longer than running it.
_LIVE = """
    SELECT current_version_id, group_id, priority, status, canary_version_id, canary_percent FROM campaigns_sequence
    WHERE status IN ('live', 'paused', 'frozen', 'draining') AND current_version_id IS NOT NULL
"""
_by_version: dict[int, deciding.Journey] = {}
# Every published version with an exit for a whole company, also those that only people in flight are on.
_COMPANY = """
    SELECT id, key_property, exits FROM campaigns_sequenceversion
    WHERE state = 'published' AND exits @> '[{"company": true}]'
"""
# Goals of companies as they were when so many versions were known.
_company: tuple[int, dict[str, dict[int, frozenset[str]]]] = (0, {})


def live() -> list[deciding.Journey]:
    """The journeys of all sequences that run, highest priority first. One query, and three for versions not yet known.

    Those that are paused or draining are among them: they merge into runs, and refuse entries with their reason. A
    canary version comes beside the current one, each with the lots of those who enter it. Group, priority, status and
    lots are the sequence's, so they may change under a version that is in memory.
    """
    places: dict[int, Place] = {}
    for version_id, *place, canary_id, percent in sql.fetch(_LIVE):
        lottery = f"canary:{canary_id}" if canary_id else ""
        places[version_id] = (*place, (percent, 100), lottery)
        if canary_id:
            places[canary_id] = (*place, (0, percent), lottery)
    for pk, journey in load(places).items():
        if _place_of(journey) != places[pk]:
            _by_version[pk] = replace(journey, **dict(zip(_OF_SEQUENCE, places[pk], strict=True)))
    return sorted(load(places).values(), key=lambda journey: (-journey.priority, journey.sequence_id))


Place = tuple[Any, ...]
_OF_SEQUENCE = ("group_id", "priority", "status", "lots", "lottery")
_place_of = attrgetter(*_OF_SEQUENCE)


def entered_by(lead_id: int, sequence_id: int, live: Iterable[deciding.Journey]) -> deciding.Journey | None:
    """The version of the sequence that this lead enters; None if the sequence is not among `live`."""
    return next((each for each in live if each.sequence_id == sequence_id and each.takes(lead_id)), None)


def load(version_ids: Iterable[int]) -> dict[int, deciding.Journey]:
    """Journeys by version id, from this process's memory or the database.

    One that cannot be read any more (an upgrade took a rule field away) is left out and logged: it must not keep
    everybody else from theirs.
    """
    wanted = set(version_ids)
    missing = wanted - _by_version.keys()
    if missing:
        versions = SequenceVersion.objects.filter(pk__in=missing).select_related("sequence")
        for version in versions.prefetch_related(Prefetch("steps", Step.objects.prefetch_related("variants"))):
            _remember(version)
    return {pk: _by_version[pk] for pk in wanted if pk in _by_version}


def company_goals() -> dict[str, dict[int, frozenset[str]]]:
    """Kind of goal → versions in which a colleague's counts → the properties their exits ask for.

    One query when this process learned of a version since it last looked, else none.
    """
    global _company
    if _company[0] != len(_by_version):
        found: dict[str, dict[int, frozenset[str]]] = {}
        for version_id, key_property, exits in sql.fetch(_COMPANY):
            for entry in exits:
                if entry.get("company"):
                    known = found.setdefault(entry["goal"], {})
                    known[version_id] = known.get(version_id, frozenset()) | _asked(entry, key_property)
        _company = (len(_by_version), found)
    return _company[1]


def _asked(entry: dict[str, Any], key_property: str) -> frozenset[str]:
    match = entry.get("match", "")
    compared = key_property if match == "key" else match["property"] if match else ""
    return frozenset({test["property"] for test in entry.get("where", [])} | ({compared} if compared else set()))


def _remember(version: SequenceVersion) -> None:
    try:
        journey = build(version)
    except (ValueError, LookupError, TypeError):
        logger.exception("version %s of sequence %s cannot be read", version.number, version.sequence.slug)
        return
    if version.state == SequenceVersion.State.PUBLISHED:
        _by_version[version.pk] = journey


def forget() -> None:
    """Empty the memory; for tests that give a version's id to another one."""
    global _company
    _by_version.clear()
    _company = (0, {})


def build(version: SequenceVersion) -> deciding.Journey:
    """The journey of a version. Raises rules.RuleError or ValueError where `publishing.check` would have complained."""
    sequence = version.sequence
    made = steps.with_deadlines([step_of(step, sequence.slug) for step in version.steps.all()])
    filters = rules.parse(version.filters, VOCABULARY)
    exits = tuple(exit_rule(entry, version.key_property) for entry in version.exits)
    exit_needs = rules.Needs().merge(*(entry.needs() for entry in exits))
    dates = _dates_of(step.anchor for step in made if isinstance(step, steps.DateStep))
    return deciding.Journey(
        version_id=version.pk,
        sequence_id=sequence.pk,
        sequence=sequence.slug,
        group_id=sequence.group_id,
        priority=sequence.priority,
        triggers=tuple(trigger(entry) for entry in version.triggers),
        filters=filters,
        reentry=version.reentry,
        reentry_after=version.reentry_after,
        key_property=version.key_property,
        second_trigger=version.second_trigger,
        exits=exits,
        steps=made,
        entry_needs=filters.needs(),
        exit_needs=exit_needs,
        step_needs=dates.merge(
            *(step.rule.needs() for step in made if isinstance(step, steps.BranchStep | steps.EventStep)),
        ),
        send_needs=exit_needs.merge(dates),
        window=windows.parse(version.window),
        index={step.key: position for position, step in enumerate(made)},
        holdout_percent=version.holdout_percent,
        grace=version.grace,
    )


def _dates_of(anchors: Iterable[Anchor]) -> rules.Needs:
    return rules.Needs(frozenset(anchor.lead_field for anchor in anchors if anchor.lead_field))


def trigger(entry: dict[str, Any]) -> deciding.Trigger:
    updates = entry.get("updates", False)
    if "segment" in entry:
        return deciding.Trigger("segment.entered", segment=entry["segment"], updates_only=updates)
    if "date" in entry:
        offset = durations.parse_signed(entry.get("offset", "0d"))
        return deciding.Trigger(DATE_REACHED, date_field=entry["date"], offset=offset)
    where = _event_rule(entry["event"], entry.get("where", []), since=False)
    if "resumes" in entry:
        within = durations.parse(entry["within"]) if "within" in entry else resuming.USUALLY_WITHIN
        return deciding.Trigger(entry["event"], where=where, resumes=entry["resumes"], resumes_within=within)
    return deciding.Trigger(entry["event"], where=where, updates_only=updates)


def exit_rule(entry: dict[str, Any], key_property: str = "") -> ExitRule:
    if "when" in entry:
        return ExitRule(rules.parse(entry["when"], VOCABULARY, since_enrollment=True), entry["reason"])
    match = entry.get("match", "")
    return ExitRule(
        _event_rule(entry["goal"], entry.get("where", []), since=True),
        entry.get("reason") or f"goal: {entry['goal']}",
        goal=entry["goal"],
        match=key_property if match == "key" else match["property"] if match else "",
        to_key=match == "key",
        by_company=entry.get("company", False),
    )


def _event_rule(kind: str, where: list[dict[str, Any]], *, since: bool) -> rules.Rule:
    test: dict[str, Any] = {"event": kind, "where": where}
    if since:
        test["since"] = "enrollment"
    return rules.parse(test, VOCABULARY, since_enrollment=since)


def step_of(step: Step, sequence: str) -> steps.Step:
    """A step row as the engine's own dataclass."""
    if step.is_tombstone:
        return steps.TombstoneStep(step.key)
    return _READERS[step.kind](step, sequence)


def _send(step: Step, sequence: str) -> steps.Step:
    chosen = tuple(
        variants.Variant(v.key, v.weight, v.template_id, v.subject, v.time_of_day) for v in step.variants.all()
    )
    if not chosen:
        if step.template_id is None:
            raise ValueError("a send step needs a template")
        chosen = (variants.Variant("", 1, step.template_id),)
    return steps.SendStep(
        step.key,
        chosen,
        experiment=f"{sequence}:{step.key}",
        window=windows.parse(step.version.window if step.window is None else step.window),
        late_after=step.late_after,
    )


def _wait(step: Step, sequence: str) -> steps.Step:
    return steps.WaitStep(step.key, step.duration or timedelta(), step.from_enrollment)


def _calendar(step: Step, sequence: str) -> steps.Step:
    if step.time_of_day is None:
        raise ValueError("a calendar wait needs a time of day")
    return steps.CalendarStep(step.key, step.time_of_day, step.weekday)


def _date(step: Step, sequence: str) -> steps.Step:
    if bool(step.date_field) == bool(step.date_property) or step.offset is None:
        raise ValueError("a wait for a date needs a field or a property, and an offset")
    return steps.DateStep(step.key, Anchor(step.date_field, step.date_property, step.offset), step.else_key)


def _event(step: Step, sequence: str) -> steps.Step:
    rule = _event_rule(step.event_kind, step.where, since=True)
    return steps.EventStep(step.key, rule, step.event_kind, step.duration or timedelta(), step.then_key, step.else_key)


def _branch(step: Step, sequence: str) -> steps.Step:
    rule = rules.parse(step.condition, VOCABULARY, since_enrollment=True)
    return steps.BranchStep(step.key, rule, step.then_key, step.else_key)


_READERS: dict[str, Callable[[Step, str], steps.Step]] = {
    Step.Kind.SEND: _send,
    Step.Kind.WAIT: _wait,
    Step.Kind.WAIT_CALENDAR: _calendar,
    Step.Kind.WAIT_EVENT: _event,
    Step.Kind.WAIT_DATE: _date,
    Step.Kind.BRANCH: _branch,
    Step.Kind.SET: lambda step, sequence: steps.SetStep(step.key, step.field, step.value),
    Step.Kind.NOTIFY: lambda step, sequence: steps.NotifyStep(step.key, step.message),
    Step.Kind.TASK: lambda step, sequence: steps.TaskStep(step.key, step.message),
    Step.Kind.WEBHOOK: lambda step, sequence: steps.WebhookStep(step.key, step.url),
    Step.Kind.ENROLL: lambda step, sequence: steps.EnrollStep(step.key, step.target),
    Step.Kind.EXIT: lambda step, sequence: steps.ExitStep(step.key, step.target),
    Step.Kind.END: lambda step, sequence: steps.EndStep(step.key),
}
