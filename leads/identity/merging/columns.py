"""The columns of a lead that others were merged into. Pure: rows in, values out.

What the kept lead had of its own wins; a blank is filled from the others in the order in which they were made; firsts
are the earliest, lasts the latest, the stage the furthest. So the order of merges makes no difference.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Columns = Mapping[str, Any]
ATTRIBUTE = "attributes."

# Each is filled as a whole: a role belongs to its job title.
UNITS: tuple[tuple[str, ...], ...] = (
    ("first_name",),
    ("last_name",),
    ("phone",),
    ("job_title", "role", "department"),
    ("company_id",),
    ("company_name",),
    ("company_size",),
    ("industry",),
    ("country",),
    ("timezone",),
    ("organization_type", "audience_type", "primary_audience"),
    ("owner_id",),
)
FIRSTS = ("form_source", "first_owner_id")
_STAGES = ("cold", "recycled", "mql", "sql", "former", "customer")
_TEMPERATURES = ("cold", "warm", "hot")
_TIERS = ("dormant", "quiet", "engaged", "most_engaged")
_DEMO = ("demo_booked", "demo_at", "demo_event_name", "demo_status")
_CONCLUDED = (
    "stage", "stage_since", "temperature", "hot_since", "engagement_tier", "tier_since", "tier_due_at", "sunset_at",
    "is_client", "last_human_act_at", "decay_due_at", "created_at", *_DEMO,
)  # fmt: skip
COMBINED = (*(column for unit in UNITS for column in unit), *FIRSTS, *_CONCLUDED)


def combined(kept: Columns, others: Sequence[Columns]) -> dict[str, Any]:
    """The flat columns of the kept lead, given the own ones of all who are in it. See `flat`."""
    in_order = sorted(others, key=lambda one: (_moment(one["created_at"]), one["id"]))
    everybody = sorted([kept, *others], key=lambda one: (_moment(one["created_at"]), one["id"]))
    result: dict[str, Any] = {}
    for unit in UNITS:
        source = next((one for one in (kept, *in_order) if any(map(one.get, unit))), kept)
        result |= {column: source.get(column) for column in unit}
    for column in FIRSTS:
        result[column] = next((one[column] for one in everybody if one.get(column)), kept.get(column))
    for one in reversed(in_order):
        result |= _attributes(one)
    return result | _attributes(kept) | _concluded(everybody)


def flat(row: Columns) -> dict[str, Any]:
    """The columns that merges are about, each attribute under a name of its own."""
    columns = {column: row.get(column) for column in (*COMBINED, "id")}
    return columns | {f"{ATTRIBUTE}{name}": value for name, value in (row.get("attributes") or {}).items()}


def unflat(columns: Columns) -> dict[str, Any]:
    """Flat columns as a row is to have them."""
    attributes = {name.removeprefix(ATTRIBUTE): value for name, value in _attributes(columns).items()}
    return {name: columns[name] for name in COMBINED if name in columns} | {"attributes": attributes}


def own(row: Columns, before: Columns, filled: Columns) -> dict[str, Any]:
    """What a lead has of its own: without what its last merge gave it, unless somebody changed that since.

    `before`: its own columns at that merge, `filled`: what the merges up to it gave.
    """
    now = flat(row)
    given = {name for name, value in filled.items() if now.get(name) == value}
    kept = {name: value for name, value in now.items() if name not in given}
    return kept | {name: before[name] for name in given if name in before}


def gained(own_columns: Columns, result: Columns) -> dict[str, Any]:
    """What others gave to it."""
    return {name: value for name, value in result.items() if name != "id" and own_columns.get(name) != value}


def given_back(row: Columns, before: Columns, own_columns: Columns, filled: Columns) -> dict[str, Any]:
    """The row's flat columns without what a merge gave it; what was changed since stays."""
    now, was = flat(row), flat(before)
    after = {**own_columns, **filled}
    result = {}
    for name, value in now.items():
        if name not in after or value != after[name]:
            result[name] = value  # since then
        elif name in was:
            result[name] = was[name]
    return result


def _concluded(everybody: Sequence[Columns]) -> dict[str, Any]:
    furthest = max(_STAGES.index(one["stage"]) for one in everybody)
    there = [one for one in everybody if _STAGES.index(one["stage"]) == furthest]
    warmest = max(_TEMPERATURES.index(one["temperature"]) for one in everybody)
    hot = [one["hot_since"] for one in everybody if one["temperature"] == "hot"]
    tier = max(_TIERS.index(one["engagement_tier"]) for one in everybody)
    demo = max(everybody, key=_demo_rank)
    return {
        "stage": _STAGES[furthest],
        "stage_since": _earliest(one["stage_since"] for one in there),
        "temperature": _TEMPERATURES[warmest],
        "hot_since": _earliest(hot) if warmest == _TEMPERATURES.index("hot") else None,
        # Counted anew, over the acts of all, as the merge is processed.
        "engagement_tier": _TIERS[tier],
        "tier_since": _earliest(
            one.get("tier_since") for one in everybody if _TIERS.index(one["engagement_tier"]) == tier
        ),
        "tier_due_at": _earliest(one.get("tier_due_at") for one in everybody),
        "sunset_at": _sunset(everybody),
        "is_client": any(one["is_client"] for one in everybody),
        "last_human_act_at": _latest(one["last_human_act_at"] for one in everybody),
        "decay_due_at": _earliest(one["decay_due_at"] for one in everybody),
        "created_at": _earliest(one["created_at"] for one in everybody),
        **{column: demo[column] for column in _DEMO},
    }


def _sunset(everybody: Sequence[Columns]) -> str | None:
    """Together they rest only if each of them did, and none is a client."""
    since = [one.get("sunset_at") for one in everybody]
    return _latest(since) if all(since) and not any(one["is_client"] for one in everybody) else None


def _demo_rank(one: Columns) -> tuple[bool, bool, str, str]:
    return bool(one["demo_booked"]), bool(one["demo_status"]), _moment(one["demo_at"]), str(one["demo_event_name"])


def _earliest(moments: Any) -> str | None:
    return min(filter(None, moments), key=_moment, default=None)


def _latest(moments: Any) -> str | None:
    return max(filter(None, moments), key=_moment, default=None)


def _moment(text: str | None) -> str:
    """Comparable: the database writes all times in one zone, with a fraction only where there is one."""
    return (text or "").replace("+", ".0+", 1) if "." not in (text or "") else text or ""


def _attributes(columns: Columns) -> dict[str, Any]:
    return {name: value for name, value in columns.items() if name.startswith(ATTRIBUTE)}
