"""What a webhook of another system means by a rule: an event of a person, with faults at their place. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from django.core.exceptions import ValidationError

from leads import addresses, writable
from leads.intake import PROFILE
from leads.models.event import KIND
from leads.tracking import kinds
from leads.writable import LeadError
from lifecycle.core import moments
from lifecycle.integrations.signatures import read_time
from lifecycle.integrations.webhook import paths
from lifecycle.integrations.webhook.paths import Missing, PathError

LONGEST_TEXT = 4_000
LONGEST_NAME = 60
MOST_PROPERTIES = 50
MOST_VALUES = 100
ATTRIBUTE = "attributes."
# What a rule may fill of a lead; `attributes.plan` fills an attribute.
FIELDS = frozenset({*PROFILE, "company_size"})


class Rule(Protocol):
    """The columns of WebhookRule that are read here."""

    event_kind: str
    email_path: str
    occurred_at_path: str
    key_path: str
    properties: Any
    fields: Any


@dataclass(frozen=True, slots=True)
class Meaning:
    """What comes of a body. `faults`: place in the rule → what is wrong; nothing is done if `is_usable` is False."""

    event_kind: str
    email: str = ""
    occurred_at: datetime | None = None
    key: str = ""
    properties: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def is_usable(self) -> bool:
        """A person is needed, and what names the fact where the rule says that something does."""
        return not {"email_path", "key_path"} & self.faults.keys()


def read(rule: Rule, body: Mapping[str, Any]) -> Meaning:
    """What a body means by a rule. What is missing for a property or a field is left out, and said."""
    faults: dict[str, str] = {}
    email = _found(body, rule.email_path, "email_path", faults)
    if "email_path" not in faults:
        try:
            addresses.read(email)
        except addresses.AddressError as problem:
            faults["email_path"] = f"{rule.email_path}: {problem}"
    key = _found(body, rule.key_path, "key_path", faults) if rule.key_path else ""
    if "key_path" not in faults and (isinstance(key, bool | dict | list) or key is None):
        faults["key_path"] = f"{rule.key_path} is neither a text nor a number."
    return Meaning(
        event_kind=rule.event_kind,
        email=str(email) if "email_path" not in faults else "",
        occurred_at=_moment(body, rule.occurred_at_path, faults) if rule.occurred_at_path else None,
        key=str(key) if "key_path" not in faults else "",
        properties=_properties(rule.properties, body, faults),
        fields=_fields(rule.fields, body, faults),
        faults=faults,
    )


def check(rule: Rule) -> dict[str, list[str]]:
    """Column of a rule → what is wrong with it, whatever a body holds; empty if it can be used."""
    problems: dict[str, list[str]] = {}
    for name in ("email_path", "occurred_at_path", "key_path"):
        if text := getattr(rule, name):
            _check_path(text, problems.setdefault(name, []))
    if reason := kinds.refusal(rule.event_kind, is_public=False):
        problems.setdefault("event_kind", []).append(f"{reason[0].upper()}{reason[1:]}.")
    else:
        _check_kind(rule.event_kind, problems.setdefault("event_kind", []))
    for column in ("properties", "fields"):
        _check_table(getattr(rule, column), column, problems.setdefault(column, []))
    return {name: found for name, found in problems.items() if found}


def _check_kind(kind: str, problems: list[str]) -> None:
    try:
        KIND(kind)
    except ValidationError as problem:
        problems.extend(problem.messages)


def _check_table(table: object, column: str, problems: list[str]) -> None:
    if not isinstance(table, Mapping):
        problems.append('Write names and where they are: {"plan": "data.plan.name"}.')
        return
    if len(table) > MOST_PROPERTIES:
        problems.append(f"At most {MOST_PROPERTIES} names.")
    for name, text in table.items():
        if not 0 < len(name) <= LONGEST_NAME:
            problems.append(f"“{name[:80]}”: a name has 1 to {LONGEST_NAME} characters.")
        if column == "fields" and not may_fill(name):
            problems.append(f"“{name}” cannot be written. There is {', '.join(sorted(FIELDS))}, and attributes.NAME.")
        if not isinstance(text, str):
            problems.append(f"“{name}”: write where it is as a text, like data.plan.name.")
        else:
            found: list[str] = []
            _check_path(text, found)
            problems.extend(f"“{name}”: {problem}" for problem in found)


def may_fill(name: str) -> bool:
    """Whether another system may say this of a lead."""
    return name in FIELDS or (name.startswith(ATTRIBUTE) and 0 < len(name.removeprefix(ATTRIBUTE)) <= LONGEST_NAME)


def refusal(name: str, value: Any) -> str:
    """Why a lead does not take this value under this name, "" if it does."""
    attribute = name.removeprefix(ATTRIBUTE)
    given: dict[str, Any] = {name: value} if attribute == name else {"attributes": {attribute: value}}
    if not may_fill(name):
        return "This cannot be written."
    try:
        writable.read(given, clearing=False)
    except LeadError as problem:
        return next(iter(problem.fields.values()))
    return ""


def _check_path(text: str, problems: list[str]) -> None:
    try:
        paths.parse(text)
    except PathError as problem:
        problems.append(str(problem))


def _found(body: Mapping[str, Any], text: str, place: str, faults: dict[str, str]) -> Any:
    try:
        return paths.look(paths.parse(text), body)
    except (PathError, Missing) as problem:
        faults[place] = f"{text}: {problem}."
        return None


def _moment(body: Mapping[str, Any], text: str, faults: dict[str, str]) -> datetime | None:
    """ISO 8601, or seconds or milliseconds of Unix time; without a zone it is UTC."""
    value = _found(body, text, "occurred_at_path", faults)
    if value is None or value == "":
        return None
    moment = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        moment = _of_unix_time(value)
    elif isinstance(value, str):
        moment = moments.read(value.strip()) or read_time(value)
    moment = moments.plausible(moment)
    if moment is None:
        faults["occurred_at_path"] = f"{text}: “{str(value)[:40]}” is no time like 2026-11-24T10:00:00Z."
    return moment


def _of_unix_time(value: float) -> datetime | None:
    try:
        return read_time(str(value / 1000 if value > 100_000_000_000 else value))
    except OverflowError:  # of hundreds of digits
        return None


def _properties(table: Mapping[str, str], body: Mapping[str, Any], faults: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, text in table.items():
        value = _found(body, text, f"properties.{name}", faults)
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict | list) for one in value)):
            faults[f"properties.{name}"] = f"{text} holds more than one value: say which, like {text}.name."
        elif value is not None:
            found[name] = _cut(value)
    return found


def _cut(value: Any) -> Any:
    if isinstance(value, list):
        return [_cut(one) for one in value[:MOST_VALUES]]
    return value[:LONGEST_TEXT] if isinstance(value, str) else value


def _fields(table: Mapping[str, str], body: Mapping[str, Any], faults: dict[str, str]) -> dict[str, Any]:
    """As `writable` reads them; each by itself, so that one bad value spoils no other."""
    found: dict[str, Any] = {}
    for name, text in table.items():
        place = f"fields.{name}"
        value = _found(body, text, place, faults)
        if value in (None, ""):
            continue
        if problem := refusal(name, value):
            faults[place] = f"{text}: {problem}"
        else:
            found[name] = value
    return found
