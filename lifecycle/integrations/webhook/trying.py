"""What a body would do, by a source's rules: for people who set one up. Nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leads import addresses
from leads.models import Lead
from lifecycle.integrations import bodies
from lifecycle.integrations.contract import Refused
from lifecycle.integrations.models import InboxEvent, WebhookRule, WebhookSource
from lifecycle.integrations.webhook import meaning, paths
from lifecycle.integrations.webhook.meaning import Meaning
from lifecycle.integrations.webhook.provider import FAMILY, UNNAMED, kind_of

PLACES = {
    "email_path": "The person's address",
    "occurred_at_path": "When it happened",
    "key_path": "What names the fact",
    "properties": "Property",
    "fields": "Field of the lead",
}


@dataclass(frozen=True, slots=True)
class Tried:
    """`problem`: why nothing can be said. `rows`: (what, value, fault) in the order of the rule's form."""

    problem: str = ""
    kind: str = ""
    rule: WebhookRule | None = None
    person: str = ""
    does: str = ""
    rows: Sequence[tuple[str, str, str]] = ()


def try_body(source: WebhookSource, text: str) -> Tried:
    """What a call with this body would bring."""
    try:
        body = bodies.parse(text.encode())
    except Refused as refused:
        return Tried(problem=refused.message)
    kind = kind_of(source.kind_path, body)
    if kind == UNNAMED:
        return Tried(problem=_no_kind(source.kind_path, body))
    rule = source.rules.filter(kind=kind).first()
    if rule is None:
        known = ", ".join(source.rules.values_list("kind", flat=True)) or "there is none yet"
        return Tried(kind=kind, problem=f"No rule is for “{kind}”: it would be kept and do nothing. Rules: {known}.")
    if not rule.is_active:
        return Tried(kind=kind, rule=rule, problem=f"The rule for “{kind}” is switched off: it would do nothing.")
    found = meaning.read(rule, body)
    person, does = _person(rule, found)
    return Tried("", kind, rule, person, does, _rows(rule, found))


def _no_kind(path: str, body: Mapping[str, Any]) -> str:
    try:
        paths.look(paths.parse(path), body)
    except (paths.PathError, paths.Missing) as problem:
        return f"The kind is looked for at “{path}”, but {problem}."
    return f"What stands at “{path}” is no name of a kind."


def _person(rule: WebhookRule, found: Meaning) -> tuple[str, str]:
    if not found.is_usable:
        return "", "Nothing would happen; see what is wrong below."
    lead = Lead.objects.filter(addresses.reached_at(addresses.read(found.email).normal)).first()
    if lead:
        return f"{lead} is known; what is known stays as it is.", f"The event {rule.event_kind} is written."
    if rule.creates_leads:
        return f"{found.email} is new and becomes a lead.", f"The event {rule.event_kind} is written."
    return f"{found.email} is not known, and the rule makes no new people.", "Nothing would happen."


def _rows(rule: WebhookRule, found: Meaning) -> list[tuple[str, str, str]]:
    faults = found.faults
    rows = [(PLACES["email_path"], found.email, faults.get("email_path", ""))]
    if rule.occurred_at_path:
        rows.append((PLACES["occurred_at_path"], _written(found.occurred_at), faults.get("occurred_at_path", "")))
    if rule.key_path:
        rows.append((PLACES["key_path"], found.key, faults.get("key_path", "")))
    for column, values in (("properties", found.properties), ("fields", found.fields)):
        for name in getattr(rule, column):
            value = values.get(name, "")
            rows.append((f"{PLACES[column]} {name}", str(value), faults.get(f"{column}.{name}", "")))
    return rows


def _written(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}" if moment else ""


def latest_body(source: WebhookSource) -> str:
    """The body of the newest call that has one, to begin with."""
    calls = InboxEvent.objects.filter(provider=f"{FAMILY}:{source.slug}").exclude(body=b"")
    newest = calls.order_by("-received_at").values_list("body", flat=True).first()
    return bytes(newest).decode("utf-8", "replace") if newest else ""
