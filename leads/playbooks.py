"""Playbooks of this app: forms, audiences, event names, scoring, stages and segments as data.

What is missing is created. What a marketer already has stays as it is, unless `update` says otherwise.
Each loader takes the parsed YAML, checks all of it first, and writes all or nothing.
"""

from typing import Any

from django.db import models, transaction

from leads import titles
from leads.form_files import load_forms as load_forms
from leads.models import (
    Audience,
    ChannelRule,
    EventName,
    ScoreGroup,
    ScoreRule,
    Segment,
    StageRule,
    TitleRule,
    Workspace,
)
from leads.playbook_rows import Item, Loaded, PlaybookError, clean, load, rows_of
from leads.rule_fields import VOCABULARY
from lifecycle.core import durations
from lifecycle.core.rules import RuleError, parse


def load_audiences(data: object, *, update: bool = False) -> Loaded:
    def read(item: Item) -> dict[str, Any]:
        return item.take("organization_type", "audience_type", "primary_audience")

    return load(Audience, "organization_type", rows_of(data, "audiences", "audiences"), read, update=update)


def load_event_names(data: object, *, update: bool = False) -> Loaded:
    def read(item: Item) -> dict[str, Any]:
        row = item.take("sent", "kind")
        return {"name": row["sent"], "kind": row["kind"]}

    return load(EventName, "name", rows_of(data, "event_names", "event_names"), read, update=update)


def load_titles(data: object, *, update: bool = False) -> Loaded:
    """Rules take their position from their place in the list."""
    items = list(rows_of(data, "titles", "rules"))
    positions = {item.path: 10 * (place + 1) for place, item in enumerate(items)}

    def read(item: Item) -> dict[str, Any]:
        try:
            row = titles.checked(item.take("words", optional=("role", "department")))
        except titles.WordsError as error:
            raise PlaybookError(f"{item.path}.words: {error}") from None
        return {"role": "", "department": "", **row, "position": positions[item.path]}

    loaded = load(TitleRule, "words", iter(items), read, update=update)
    titles.forget()
    return loaded


@transaction.atomic
def load_channels(data: object, *, update: bool = False) -> Loaded:
    """All of them or none: what they mean hangs on their order, so nothing is put between a marketer's own."""
    items = list(rows_of(data, "channels", "rules"))
    positions = {item.path: 10 * (place + 1) for place, item in enumerate(items)}
    if not update and ChannelRule.objects.exists():
        return Loaded(kept=tuple(map(str, positions.values())))
    ChannelRule.objects.all().delete()

    def read(item: Item) -> dict[str, Any]:
        row = item.take("channel", optional=("sources", "mediums", "campaigns", "click_ids"))
        return {**row, "position": positions[item.path]}

    return load(ChannelRule, "position", iter(items), read, update=update)


def load_segments(data: object, *, update: bool = False) -> Loaded:
    """An overwritten rule makes a new version; members follow with the next refresh."""

    def read(item: Item) -> dict[str, Any]:
        segment = item.take("slug", "name", "rule", optional=("description",))
        segment["rule"] = _rule(f"{item.path}.rule", segment["rule"])
        return segment

    def renew(row: models.Model, values: dict[str, Any]) -> None:
        if isinstance(row, Segment) and row.rule != values["rule"]:
            row.renew()

    return load(Segment, "slug", rows_of(data, "segments", "segments"), read, update=update, renew=renew)


def load_stages(data: object, *, update: bool = False) -> Loaded:
    """Rules take their position from their place in the list; between the shipped ones a marketer's own find room."""
    items = list(rows_of(data, "stages", "rules"))
    positions = {item.path: 10 * (place + 1) for place, item in enumerate(items)}

    def read(item: Item) -> dict[str, Any]:
        row = item.take("slug", "name", "to", "from", "reason", optional=("event", "where", "when", "swept"))
        return {
            **{name: row[name] for name in ("slug", "name", "to", "reason")},
            "from_stages": row["from"],
            "swept": row.get("swept", False),
            "position": positions[item.path],
            **_trigger(item.path, row),
        }

    return load(StageRule, "slug", iter(items), read, update=update)


@transaction.atomic
def load_scoring(data: object, *, update: bool = False) -> Loaded:
    """Groups and rules; the thresholds and the half-life go to a workspace that is new, or with `update`."""
    _load_thresholds(data, update=update)
    groups = load(
        ScoreGroup,
        "slug",
        rows_of(data, "scoring", "groups"),
        lambda item: item.take("slug", "name", "dimension", "cap"),
        update=update,
    )
    by_slug = {group.slug: group for group in ScoreGroup.objects.all()}

    def read(item: Item) -> dict[str, Any]:
        row = item.take("slug", "name", "group", "points", optional=("event", "where", "when", "at_most"))
        if row["group"] not in by_slug:
            raise PlaybookError(f"{item.path}.group: there is no group {row['group']!r}")
        group = by_slug[row["group"]]
        if bool(row.get("event")) != (group.dimension == "intent"):
            raise PlaybookError(f"{item.path}.event: a rule of intent names its event, a rule of fit has none")
        values = {"slug": row["slug"], "name": row["name"], "group": group, "points": row["points"]}
        return values | _trigger(item.path, row) | _limit(item.path, row.get("at_most"))

    return groups + load(ScoreRule, "slug", rows_of(data, "scoring", "rules"), read, update=update)


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
    clean("scoring.temperature", workspace)
    workspace.save()


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
