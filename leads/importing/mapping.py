"""Which column of a file is which field: a guess by the words of its heading in several languages. Pure."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

from leads.attribution import CLICK_IDS, PARTS
from leads.importing.words import MACHINERY, WORDS
from leads.profile import plain

ATTRIBUTE = "attributes."
IGNORED = ""
LONGEST_ATTRIBUTE = 60

_BY_WORD = {word: field for field, words in reversed(WORDS.items()) for word in words.split()}
_PROVENANCE = (*(f"utm_{part}" for part in PARTS), *CLICK_IDS)

LABELS: dict[str, str] = {
    "email": "E-mail address",
    "first_name": "First name",
    "last_name": "Last name",
    "name": "Full name (is cut into first and last)",
    "phone": "Phone",
    "job_title": "Job title",
    "company": "Company",
    "company_size": "Employees",
    "industry": "Industry",
    "country": "Country",
    "timezone": "Time zone",
    "organization_type": "Organization type",
    "audience_type": "Audience type (b2b, b2c)",
    "primary_audience": "Primary audience",
    "is_client": "Is a client (yes, no)",
    "unsubscribed": "Opted out: anything but a no blocks the address",
    "subscribed": "Opted in: a no blocks the address",
    "consent": "Consent: the words they agreed to, or yes",
    "consent_at": "Consent: when (2026-03-01)",
    **{name: name for name in (*_PROVENANCE, "referrer", "page_url")},
}
FIELDS = frozenset(LABELS)


class MappingProblem(ValueError):
    """Columns are matched in a way that cannot be imported; the message says which."""


def guess(headings: Sequence[str]) -> dict[str, str]:
    """Column → field. Each field is taken once; what nobody knows is kept as an attribute, machinery is left out."""
    found: dict[str, str] = {}
    for heading in headings:
        field = _field(heading)
        found[heading] = field if field == IGNORED or field not in found.values() else _attribute(heading, found)
    return found


def check(mapping: Mapping[str, str], headings: Sequence[str]) -> None:
    """MappingProblem if it names unknown columns or fields, one field twice, or no address."""
    for column, field in mapping.items():
        if column not in headings:
            raise MappingProblem(f"There is no column “{column}”; the file has {_listed(headings)}.")
        if field != IGNORED and field not in FIELDS and not _is_attribute(field):
            raise MappingProblem(f"{column}: there is no field “{field}”{_closest(field)}.")
    taken = [field for field in mapping.values() if field != IGNORED]
    twice = next((field for field in taken if taken.count(field) > 1), "")
    if twice:
        columns = [column for column, field in mapping.items() if field == twice]
        raise MappingProblem(f"{_listed(columns)} are all matched with {twice}; choose one of them.")
    if "email" not in taken:
        raise MappingProblem("No column is matched with the e-mail address; nobody can be imported without one.")


def attribute(name: str) -> str:
    """A name as that of an attribute: “Plan (old)” is plan_old."""
    return re.sub(r"[^a-z0-9]+", "_", plain(name)).strip("_")[:LONGEST_ATTRIBUTE]


def _field(heading: str) -> str:
    if heading.startswith(ATTRIBUTE) and _is_attribute(heading):
        return heading
    if heading.lower() in FIELDS:
        return heading.lower()
    word = re.sub(r"[^a-z0-9]", "", plain(heading))
    parts = {re.sub(r"[^a-z0-9]", "", name): name for name in _PROVENANCE}
    if word in parts:
        return parts[word]
    if word in MACHINERY or heading.startswith("Column "):
        return IGNORED
    return _BY_WORD.get(word) or (ATTRIBUTE + attribute(heading) if attribute(heading) else IGNORED)


def _attribute(heading: str, found: Mapping[str, str]) -> str:
    """A second column for a field that has one already."""
    field = ATTRIBUTE + attribute(heading)
    return field if attribute(heading) and field not in found.values() else IGNORED


def _is_attribute(field: str) -> bool:
    return field.startswith(ATTRIBUTE) and 0 < len(field) - len(ATTRIBUTE) <= LONGEST_ATTRIBUTE


def _closest(field: str) -> str:
    near = difflib.get_close_matches(field, FIELDS, n=1)
    return f", did you mean {near[0]}?" if near else f"; there is {', '.join(sorted(FIELDS))} and attributes.<name>"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"“{name}”" for name in names)
