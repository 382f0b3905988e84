"""Playbooks of this app: forms, audiences, event names, scoring, stages and segments as data.

What is missing is created. What a marketer already has stays as it is, unless `update` says otherwise.
Each loader takes the parsed YAML, checks all of it first, and writes all or nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction

from leads import titles
from leads.models import Audience, EventName, Form, ScoreGroup, ScoreRule, Segment, StageRule, TitleRule, Workspace
from leads.rule_fields import VOCABULARY
from lifecycle.core import durations
from lifecycle.core.rules import RuleError, parse

VERSION = 1


class PlaybookError(ValueError):
    """The playbook does not read; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Names of the rows that were created, overwritten, and left as they were."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def __add__(self, other: "Loaded") -> "Loaded":
        return Loaded(self.created + other.created, self.updated + other.updated, self.kept + other.kept)


@dataclass(frozen=True, slots=True)
class _Item:
    """One entry of a list, with its place for error messages."""

    path: str
    data: Mapping[str, Any]

    def take(self, *names: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
        """The named members; PlaybookError for a missing or an unknown one."""
        missing = [name for name in names if name not in self.data]
        unknown = [str(name) for name in self.data if name not in (*names, *optional)]
        if missing:
            raise PlaybookError(f"{self.path}: {missing[0]} is missing")
        if unknown:
            raise PlaybookError(f"{self.path}.{unknown[0]}: not known here; there is {', '.join((*names, *optional))}")
        return {name: self.data[name] for name in (*names, *optional) if name in self.data}


def load_forms(data: object, *, update: bool = False) -> Loaded:
    def read(item: _Item) -> dict[str, Any]:
        form = item.take(
            "slug", "name", "fields", optional=("description", "thank_you", "thank_you_url", "marketing_consent")
        )
        form["consent_text"] = form.pop("marketing_consent", "")
        _check_fields(item.path, form["fields"])
        return form

    return _load(Form, "slug", _items(data, "forms", "forms"), read, update=update)


def load_audiences(data: object, *, update: bool = False) -> Loaded:
    def read(item: _Item) -> dict[str, Any]:
        return item.take("organization_type", "audience_type", "primary_audience")

    return _load(Audience, "organization_type", _items(data, "audiences", "audiences"), read, update=update)


def load_event_names(data: object, *, update: bool = False) -> Loaded:
    def read(item: _Item) -> dict[str, Any]:
        row = item.take("sent", "kind")
        return {"name": row["sent"], "kind": row["kind"]}

    return _load(EventName, "name", _items(data, "event_names", "event_names"), read, update=update)


def load_titles(data: object, *, update: bool = False) -> Loaded:
    """Rules take their position from their place in the list."""
    items = list(_items(data, "titles", "rules"))
    positions = {item.path: 10 * (place + 1) for place, item in enumerate(items)}

    def read(item: _Item) -> dict[str, Any]:
        try:
            row = titles.checked(item.take("words", optional=("role", "department")))
        except titles.WordsError as error:
            raise PlaybookError(f"{item.path}.words: {error}") from None
        return {"role": "", "department": "", **row, "position": positions[item.path]}

    loaded = _load(TitleRule, "words", iter(items), read, update=update)
    titles.forget()
    return loaded


def load_segments(data: object, *, update: bool = False) -> Loaded:
    """An overwritten rule makes a new version; members follow with the next refresh."""

    def read(item: _Item) -> dict[str, Any]:
        segment = item.take("slug", "name", "rule", optional=("description",))
        segment["rule"] = _rule(f"{item.path}.rule", segment["rule"])
        return segment

    def renew(row: models.Model, values: dict[str, Any]) -> None:
        if isinstance(row, Segment) and row.rule != values["rule"]:
            row.renew()

    return _load(Segment, "slug", _items(data, "segments", "segments"), read, update=update, renew=renew)


def load_stages(data: object, *, update: bool = False) -> Loaded:
    """Rules take their position from their place in the list; between the shipped ones a marketer's own find room."""
    items = list(_items(data, "stages", "rules"))
    positions = {item.path: 10 * (place + 1) for place, item in enumerate(items)}

    def read(item: _Item) -> dict[str, Any]:
        row = item.take("slug", "name", "to", "from", "reason", optional=("event", "where", "when", "swept"))
        return {
            **{name: row[name] for name in ("slug", "name", "to", "reason")},
            "from_stages": row["from"],
            "swept": row.get("swept", False),
            "position": positions[item.path],
            **_trigger(item.path, row),
        }

    return _load(StageRule, "slug", iter(items), read, update=update)


@transaction.atomic
def load_scoring(data: object, *, update: bool = False) -> Loaded:
    """Groups and rules; the thresholds and the half-life go to a workspace that is new, or with `update`."""
    _load_thresholds(data, update=update)
    groups = _load(
        ScoreGroup,
        "slug",
        _items(data, "scoring", "groups"),
        lambda item: item.take("slug", "name", "dimension", "cap"),
        update=update,
    )
    by_slug = {group.slug: group for group in ScoreGroup.objects.all()}

    def read(item: _Item) -> dict[str, Any]:
        row = item.take("slug", "name", "group", "points", optional=("event", "where", "when", "at_most"))
        if row["group"] not in by_slug:
            raise PlaybookError(f"{item.path}.group: there is no group {row['group']!r}")
        group = by_slug[row["group"]]
        if bool(row.get("event")) != (group.dimension == "intent"):
            raise PlaybookError(f"{item.path}.event: a rule of intent names its event, a rule of fit has none")
        values = {"slug": row["slug"], "name": row["name"], "group": group, "points": row["points"]}
        return values | _trigger(item.path, row) | _limit(item.path, row.get("at_most"))

    return groups + _load(ScoreRule, "slug", _items(data, "scoring", "rules"), read, update=update)


def _load_thresholds(data: object, *, update: bool) -> None:
    if not isinstance(data, dict) or not (update or not Workspace.objects.exists()):
        return
    workspace = Workspace.load()
    thresholds = data.get("temperature") or {}
    workspace.warm_at = thresholds.get("warm", workspace.warm_at)
    workspace.hot_at = thresholds.get("hot", workspace.hot_at)
    if "half_life" in data:
        workspace.intent_half_life_days = max(_span("scoring.half_life", data["half_life"]).days, 1)
    if workspace.hot_at <= workspace.warm_at:
        raise PlaybookError("scoring.temperature: hot must lie above warm")
    _clean("scoring.temperature", workspace)
    workspace.save()


def _items(data: object, kind: str, member: str) -> Iterator[_Item]:
    if not isinstance(data, dict) or data.get("kind") != kind:
        raise PlaybookError(f"{kind}: the file must be a mapping with “kind: {kind}”")
    if data.get("version", VERSION) != VERSION:
        raise PlaybookError(f"{kind}.version: {data['version']!r} is not known here, only {VERSION}")
    if not isinstance(data.get(member), list):
        raise PlaybookError(f"{kind}.{member}: a list is expected")
    for place, row in enumerate(data[member]):
        path = f"{kind}.{member}[{place}]" if kind != member else f"{kind}[{place}]"
        if not isinstance(row, dict):
            raise PlaybookError(f"{path}: a mapping is expected")
        yield _Item(path, row)


@transaction.atomic
def _load(
    model: type[models.Model],
    key: str,
    items: Iterator[_Item],
    read: Callable[[_Item], dict[str, Any]],
    *,
    update: bool,
    renew: Callable[[models.Model, dict[str, Any]], None] | None = None,
) -> Loaded:
    existing = {getattr(row, key): row for row in model._default_manager.all()}
    created: list[str] = []
    updated: list[str] = []
    kept: list[str] = []
    for item in items:
        values = read(item)
        name = str(values[key])
        row = existing.get(name)
        if row is not None and not update:
            kept.append(name)
            continue
        (created if row is None else updated).append(name)
        row = row or model()
        if renew is not None and row.pk is not None:
            renew(row, values)
        for column, value in values.items():
            setattr(row, column, value)
        _clean(item.path, row)
        row.save()
        existing[name] = row
    return Loaded(tuple(created), tuple(updated), tuple(kept))


def _clean(path: str, row: models.Model) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise PlaybookError(f"{path}.{field}: {messages[0]}") from None


def _trigger(path: str, row: dict[str, Any]) -> dict[str, Any]:
    kind, where = row.get("event", ""), row.get("where", [])
    if where:
        if not kind:
            raise PlaybookError(f"{path}.where: it tests an event's properties, but no event is named")
        _rule(f"{path}.where", {"event": kind, "where": where})
    return {"event_kind": kind, "where": where, "condition": _rule(f"{path}.when", row.get("when", {}))}


def _limit(path: str, limit: object) -> dict[str, Any]:
    if limit is None:
        return {"limit_times": None, "limit_days": None}
    if not isinstance(limit, dict) or set(limit) != {"times", "per"}:
        raise PlaybookError(f"{path}.at_most: write {{times: 3, per: 7d}}")
    days = _span(f"{path}.at_most.per", limit["per"]).days
    if days < 1:
        raise PlaybookError(f"{path}.at_most.per: at least one day")
    return {"limit_times": limit["times"], "limit_days": days}


def _rule(path: str, rule: object) -> dict[str, Any]:
    try:
        parse(rule, VOCABULARY)
    except RuleError as error:
        raise PlaybookError(f"{path}: {error}") from None
    return rule  # type: ignore[return-value]


def _span(path: str, text: object) -> Any:
    try:
        return durations.parse(text)
    except durations.DurationError as error:
        raise PlaybookError(f"{path}: {error}") from None


def _check_fields(path: str, fields: object) -> None:
    if not isinstance(fields, list):
        raise PlaybookError(f"{path}.fields: a list is expected")
    for place, field in enumerate(fields):
        here = f"{path}.fields[{place}]"
        if not isinstance(field, dict) or not field.get("name") or not field.get("label"):
            raise PlaybookError(f"{here}: a field has a name and a label")
        if field.get("type") == "select" and not field.get("options"):
            raise PlaybookError(f"{here}.options: a select needs them")
