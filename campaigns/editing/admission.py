"""What could be wrong with who enters a sequence and who leaves it. Pure: complaints as (place, message)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from campaigns.models import SequenceVersion
from leads.rule_fields import VOCABULARY
from lifecycle.core import durations, rules

LONGEST_GRACE = timedelta(days=30)
PARALLEL = "parallel"
# What a trigger of each kind may say besides.
_TRIGGERS = {"event": {"where", "updates", "resumes", "within"}, "segment": {"updates"}, "date": {"offset"}}
_EXITS = {"goal": {"where", "reason", "match", "company"}, "when": {"reason"}}

Complaint = tuple[str, str]


def of_entry(version: SequenceVersion) -> Iterator[Complaint]:
    if not isinstance(version.triggers, list):
        yield "entry.triggers", "must be a list"
        return
    for index, entry in enumerate(version.triggers):
        yield from _trigger(f"entry.triggers[{index}]", entry)
        if isinstance(entry, dict) and ("resumes" in entry or "within" in entry):
            yield from _resuming(f"entry.triggers[{index}]", entry, version.exits)
    yield from rule("entry.filters", version.filters, since=False)
    if version.reentry == "after" and not version.reentry_after:
        yield "entry.reentry", "say after how long: {after: 7d}"
    if not timedelta() <= version.grace <= LONGEST_GRACE:
        yield "entry.grace", f"from 0d to {LONGEST_GRACE.days}d"
    yield from _keys(version)


def _trigger(where: str, entry: Any) -> Iterator[Complaint]:
    named = _TRIGGERS.keys() & entry.keys() if isinstance(entry, dict) else set()
    if len(named) != 1:
        yield where, "must name either an event, a segment or a date"
        return
    kind = named.pop()
    yield from _only(where, entry, {kind, *_TRIGGERS[kind]})
    if not isinstance(entry.get("updates", False), bool):
        yield f"{where}.updates", "true or false"
    if kind == "event":
        yield from event(where, entry["event"], entry.get("where", []))
    elif kind == "segment" and (not isinstance(entry["segment"], str) or not entry["segment"]):
        yield f"{where}.segment", "write the segment's slug, like hot-leads"
    elif kind == "date":
        yield from _date(where, entry)


def _resuming(where: str, entry: dict[str, Any], exits: Any) -> Iterator[Complaint]:
    goals = [one.get("goal") for one in exits if isinstance(one, dict)] if isinstance(exits, list) else []
    if entry.get("resumes") not in [goal for goal in goals if goal]:
        yield f"{where}.resumes", "name the goal whose runs go on; it must be one of this sequence's exits"
    if entry.get("updates"):
        yield where, "either updates or resumes"
    try:
        if "within" in entry and not durations.parse(entry["within"]):
            yield f"{where}.within", "longer than nothing, like 90d"
    except durations.DurationError as error:
        yield f"{where}.within", str(error)


def _date(where: str, entry: dict[str, Any]) -> Iterator[Complaint]:
    name = entry["date"]
    field = VOCABULARY.get(name) if isinstance(name, str) else None
    if field is None or not (field.type == "datetime" or field.member):
        dates = ", ".join(each.name for each in VOCABULARY if each.type == "datetime")
        yield f"{where}.date", f"{name!r} is no date of a lead; there are {dates} and attributes.<name>"
    try:
        durations.parse_signed(entry.get("offset", "0d"))
    except durations.DurationError as error:
        yield f"{where}.offset", str(error)


def _keys(version: SequenceVersion) -> Iterator[Complaint]:
    triggers = [entry for entry in version.triggers if isinstance(entry, dict)]
    has_keys = bool(version.key_property) or (bool(triggers) and all("date" in entry for entry in triggers))
    if version.reentry == "once_per_key" and not has_keys:
        yield "entry.key", "re-entry once per key needs the event property that is the key"
    if version.second_trigger != PARALLEL:
        return
    if version.sequence.group_id is not None:
        yield "entry.second_trigger", "one person is once in an exclusive group, so runs cannot go on in parallel there"
    if not version.key_property and any(entry.get("updates") for entry in triggers):
        yield "entry.key", "an update finds its run by the key: name the event property that is the key"


def of_exits(version: SequenceVersion) -> Iterator[Complaint]:
    if not isinstance(version.exits, list):
        yield "exits", "must be a list"
        return
    for index, entry in enumerate(version.exits):
        yield from _exit(f"exits[{index}]", entry, version.key_property)


def _exit(where: str, entry: Any, key_property: str) -> Iterator[Complaint]:
    named = _EXITS.keys() & entry.keys() if isinstance(entry, dict) else set()
    if len(named) != 1:
        yield where, "must have either a goal (an event) or a rule under when"
        return
    kind = named.pop()
    yield from _only(where, entry, {kind, *_EXITS[kind]})
    if not isinstance(entry.get("reason", ""), str):
        yield f"{where}.reason", "must be a text"
    elif kind == "when" and not entry.get("reason"):
        yield f"{where}.reason", "say why such a person leaves; it is shown in their history"
    if kind == "when":
        yield from rule(f"{where}.when", entry["when"], since=True)
        return
    yield from event(where, entry["goal"], entry.get("where", []))
    yield from _match(f"{where}.match", entry.get("match"), key_property)
    if not isinstance(entry.get("company", False), bool):
        yield f"{where}.company", "true or false"


def _match(where: str, match: Any, key_property: str) -> Iterator[Complaint]:
    match match:
        case None:
            return
        case "key":
            if not key_property:
                yield where, "the sequence has no key: name the event property under entry.key"
        case {"property": str() as name} if name and len(match) == 1:
            return
        case _:
            yield where, "write key, or {property: name}"


def event(where: str, kind: Any, tests: Any) -> Iterator[Complaint]:
    yield from rule(where, {"event": kind, "where": tests}, since=False)


def rule(where: str, data: Any, *, since: bool) -> Iterator[Complaint]:
    for problem in rules.validate(data, VOCABULARY, since_enrollment=since):
        yield f"{where}.{problem.path}" if problem.path else where, problem.message


def _only(where: str, entry: dict[str, Any], known: set[str]) -> Iterator[Complaint]:
    for name in sorted(map(str, entry.keys() - known)):
        yield where, f"{name!r} is not known here; {', '.join(sorted(known))} are"
