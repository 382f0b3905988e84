"""What may be written of a lead: the API, the admin, sequences and imports read values by one rule."""

from collections.abc import Mapping
from typing import Any

from leads import profile
from leads.batch import LeadRow
from leads.intake import PROFILE
from leads.intake import IntakeError as LeadError
from leads.models.lead import AudienceType
from lifecycle.core import sql

MOST_ATTRIBUTES = 32_768
CHOICES = {"audience_type": AudienceType.values}
FURTHER = {"primary_audience": 120, "audience_type": 3}

# What the API, the admin and sequences may write; nothing that is concluded, and nothing that never changes.
WRITABLE = frozenset({*PROFILE, *FURTHER, "company_size", "is_client", "attributes"})

__all__ = ["WRITABLE", "LeadError", "check_attributes", "read"]


def read(fields: Mapping[str, Any], *, clearing: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fields as they are called outside → columns and attributes; LeadError names every bad one at once."""
    problems: dict[str, str] = {}
    columns: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for name, value in fields.items():
        try:
            if name not in WRITABLE:
                raise ValueError(f"This cannot be written. There is {', '.join(sorted(WRITABLE))}.")
            if name == "attributes":
                attributes = _attributes(value)
            elif value not in (None, "") or clearing:
                columns[PROFILE.get(name, name)] = _column(name, value)
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise LeadError(problems)
    return columns, attributes


def _column(name: str, value: object) -> Any:
    if name == "is_client":
        if not isinstance(value, bool):
            raise ValueError("True or false is expected here.")
        return value
    if name == "company_size":
        size = profile.company_size(value)
        if size is None and value not in (None, ""):
            raise ValueError("A number of employees is expected here, like 120 or 50-500.")
        return size
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise ValueError("A text is expected here.")
    text = profile.clean("" if value is None else str(value))
    longest = profile.LIMITS.get(PROFILE.get(name, ""), FURTHER.get(name, 0))
    if name in CHOICES and text not in ("", *CHOICES[name]):
        raise ValueError(f"One of {', '.join(CHOICES[name])} is expected here.")
    if len(text) > longest:
        raise ValueError(f"At most {longest} characters.")
    if name == "timezone" and text and not profile.zone(text):
        raise ValueError(f"“{text}” is not a time zone; write one like Europe/Berlin.")
    return text


def _attributes(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("An object of names and values is expected here.")
    if any(not isinstance(name, str) or not 0 < len(name) <= 60 for name in value):
        raise ValueError("Names of attributes have 1 to 60 characters.")
    return dict(sql.storable(dict(value)))


def check_attributes(row: LeadRow) -> None:
    """LeadError if a lead's attributes together take too much room."""
    if len(sql.to_json(row["attributes"])) > MOST_ATTRIBUTES:
        raise LeadError({"attributes": f"All attributes of a lead together take at most {MOST_ATTRIBUTES // 1024} KB."})
