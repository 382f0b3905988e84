"""Traits of an identify or group call, by Segment's names, as fields of a person or an account. Pure.

Values are read by the same rule as everywhere (`leads.writable`). What does not fit is left out: a client's trait must
not keep the rest of the call from counting.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leads import writable

LONGEST_TEXT = 500
MOST_ATTRIBUTES = 50
_LONGEST_NAME = 60

# Our field → the names it has in traits, the first that is there counts. A dot leads into an object.
_FIELDS = {
    "first_name": ("firstName", "first_name", "firstname"),
    "last_name": ("lastName", "last_name", "lastname"),
    "phone": ("phone", "phoneNumber", "phone_number"),
    "job_title": ("title", "jobTitle", "job_title"),
    "company": ("company.name", "company", "companyName", "company_name"),
    "company_size": ("company.employee_count", "company.employees", "company.size", "company_size", "employees"),
    "industry": ("industry", "company.industry"),
    "country": ("country", "address.country"),
    "timezone": ("timezone", "time_zone"),
    "organization_type": ("organization_type", "organizationType"),
}
_ACCOUNT = {
    "name": ("name",),
    "size": ("employees", "employee_count", "employeeCount", "size", "company_size"),
    "industry": ("industry",),
    "country": ("country", "address.country"),
    "time_zone": ("timezone", "time_zone"),
}
_AS_WRITTEN = {"name": "company", "size": "company_size", "time_zone": "timezone"}
# Said elsewhere, or ours to conclude.
_NO_ATTRIBUTE = frozenset({path.partition(".")[0] for paths in _FIELDS.values() for path in paths}) | {
    "email",
    "name",
    "id",
    "userId",
    "anonymousId",
    "context",
    "avatar",
    "password",
}


@dataclass(frozen=True, slots=True)
class Traits:
    """`columns` and `attributes` of the lead as they were said; `guessed` only fills what is blank."""

    columns: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    guessed: dict[str, Any] = field(default_factory=dict)


def read(traits: object) -> Traits:
    """What a person's traits say, in our fields."""
    if not isinstance(traits, Mapping) or not traits:
        return Traits()
    columns: dict[str, Any] = {}
    for name, paths in _FIELDS.items():
        columns |= _field(name, _first(traits, paths))
    first, _, last = _text(traits.get("name")).partition(" ")
    guessed = _field("first_name", first) | _field("last_name", last)
    return Traits(columns, _attributes(traits), {name: guessed[name] for name in guessed if name not in columns})


def account(traits: object) -> dict[str, Any]:
    """What a group's traits say of the company: some of name, size, industry, country and time_zone."""
    if not isinstance(traits, Mapping):
        return {}
    found: dict[str, Any] = {}
    for name, paths in _ACCOUNT.items():
        for value in _field(_AS_WRITTEN.get(name, name), _first(traits, paths)).values():
            found[name] = value
    return found


def address(traits: object, user_id: str | None) -> str:
    """The e-mail address that a call names: the trait, or a user id that is one; "" without."""
    email = traits.get("email") if isinstance(traits, Mapping) else None
    if isinstance(email, str) and email.strip():
        return email
    return user_id if user_id and "@" in user_id else ""


def _field(name: str, value: object) -> dict[str, Any]:
    """The column that this value fills; nothing if it is empty or does not fit."""
    if value in (None, ""):
        return {}
    try:
        return {column: read for column, read in writable.read({name: value}, clearing=False)[0].items() if read}
    except writable.LeadError:
        return {}


def _first(traits: Mapping[str, Any], paths: tuple[str, ...]) -> object:
    for path in paths:
        value: Any = traits
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
            return value
    return None


def _attributes(traits: Mapping[str, Any]) -> dict[str, Any]:
    """Further traits with plain values, under their own names."""
    found: dict[str, Any] = {}
    for name, value in traits.items():
        if name in _NO_ATTRIBUTE or not 0 < len(name) <= _LONGEST_NAME or len(found) >= MOST_ATTRIBUTES:
            continue
        if isinstance(value, bool | int | float) or (isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT):
            found[name] = value
    city = _text(_first(traits, ("address.city",)))
    return found | ({"city": city} if city and "city" not in found else {})


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
