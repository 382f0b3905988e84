"""A look into a file before it is imported: its first rows, and what would be read from them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from leads import titles
from leads.importing import reading
from leads.importing.cleaning import Cleaner, Person
from leads.importing.mapping import ATTRIBUTE, IGNORED, LABELS, attribute
from leads.importing.running import opened
from leads.models import ImportRun

ROWS = 50
EXAMPLES = 3
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("The person", ("email", "first_name", "last_name", "name", "phone", "job_title", "country", "timezone")),
    (
        "Their company",
        ("company", "company_size", "industry", "organization_type", "audience_type", "primary_audience", "is_client"),
    ),
    ("Mail they want or not", ("unsubscribed", "subscribed", "consent", "consent_at")),
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file: a few of its cells, and the field it is matched with."""

    number: int
    name: str
    field: str
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Look:
    columns: list[Column]
    readings: list[tuple[int, str, str]]
    told: str
    problem: str = ""


def look(run: ImportRun) -> Look:
    """The columns with some of their cells, and the first people as they would be read."""
    try:
        with opened(run) as file:
            shape = reading.examine(file)
            rows = list(islice(reading.rows(file, shape), ROWS))
    except reading.FileProblem as problem:
        return Look([], [], "", str(problem))
    columns = [
        Column(at, name, run.mapping.get(name, IGNORED), _examples([row.cells[at] for row in rows]))
        for at, name in enumerate(shape.headings)
    ]
    cleaner = Cleaner(shape.headings, run.mapping, source=run.source, key="")
    readings = [_reading(cleaner.clean(row)) for row in rows[:EXAMPLES]]
    return Look(columns, readings, shape.in_words)


def choices(run: ImportRun) -> list[tuple[str, list[tuple[str, str]]]]:
    """What a column may be, in groups: value and label. Each column may be an attribute of its own name."""
    groups = [(title, [(field, LABELS[field]) for field in fields]) for title, fields in GROUPS]
    grouped = {field for _, fields in GROUPS for field in fields}
    groups.append(("Where they came from", [(field, label) for field, label in LABELS.items() if field not in grouped]))
    own = {field for field in run.mapping.values() if field.startswith(ATTRIBUTE)}
    own |= {ATTRIBUTE + attribute(name) for name in run.headings if attribute(name)}
    groups.append(("Further fields", [(field, field) for field in sorted(own)]))
    return groups


def posted(headings: Sequence[str], data: Mapping[str, Any]) -> dict[str, str]:
    """The matched columns as the page's selects send them: column-0, column-1 …"""
    return {name: str(data.get(f"column-{at}", IGNORED)) for at, name in enumerate(headings)}


def _examples(cells: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(cell.strip()[:60] for cell in cells if cell.strip()))[:EXAMPLES]


def _reading(read: Any) -> tuple[int, str, str]:
    """Line, who it is, and what is read of them; or why the row would be refused."""
    if not isinstance(read, Person):
        return read.line, "Refused", read.reason
    return read.line, read.address.written, " · ".join(_told(read))


def _told(person: Person) -> Iterator[str]:
    for column, value in person.columns.items():
        yield f"{LABELS.get('company' if column == 'company_name' else column, column)}: {value}"
    if "job_title" in person.columns:
        role, department = titles.current().read(person.columns["job_title"])
        yield f"read as {role}{' in ' + department if department else ''}"
    for name, value in person.attributes.items():
        yield f"{name}: {value}"
    if person.opted_out:
        yield "opted out: will not be mailed"
    if person.agreement:
        yield "consent is kept as proof"
    yield f"touch: {person.provenance.source or 'unknown'}"
