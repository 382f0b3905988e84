"""A row of cells as a person, by the rules of the API, or as a refusal in words. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from leads import addresses, attribution, writable
from leads.addresses import Address
from leads.attribution import Provenance
from leads.importing.mapping import ATTRIBUTE, IGNORED
from leads.importing.reading import Row

# What a cell says about a yes or no, in several languages.
YES = frozenset("yes true 1 y x on ja oui si sí sì sim tak j wahr vrai".split())
NO = frozenset(
    """no false 0 n off nein non não nao nie nee - none null f falsch faux unsubscribed optout opted-out opt-out
    never abgemeldet""".split()
)
# In a column of opt-outs these say that the person still wants mail.
STILL_IN = (NO - frozenset("unsubscribed optout opted-out opt-out never abgemeldet".split())) | frozenset(
    "subscribed active opted-in optin opt-in angemeldet confirmed".split()
)
LONGEST_REASON = 500
MOST_REMEMBERED = 10_000
LONGEST_CONSENT = 2_000
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{0,9}[1-9])?", re.ASCII)
_DATES = ("%d.%m.%Y", "%d.%m.%Y %H:%M", "%Y/%m/%d", "%Y-%m-%d %H:%M:%S UTC")
_PROVENANCE = attribution.KEYS - {"context", "anonymous_id"}


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the person agreed to, as the file says; `at` is None when it does not say when."""

    text: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Person:
    line: int
    cells: list[str]
    address: Address
    hashed: str
    columns: dict[str, Any]
    attributes: dict[str, Any]
    provenance: Provenance
    opted_out: bool = False
    agreement: Agreement | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that is not taken. `hashed`: of an address that opted out, which counts all the same; else empty."""

    line: int
    cells: list[str]
    reason: str
    hashed: str = ""


class Cleaner:
    """Reads rows by the matched columns. `source`: where all of them come from. `key`: of the address hashes."""

    def __init__(self, headings: Sequence[str], mapping: Mapping[str, str], *, source: str, key: str) -> None:
        self._places = [(at, name, mapping[name]) for at, name in enumerate(headings) if mapping.get(name, IGNORED)]
        self._headings = {field: name for _, name, field in self._places}
        self._key = key
        self._provenances: dict[tuple[tuple[str, str], ...], Provenance] = {}
        # Without anything in the row it came by this import, and by nothing else that we know of.
        self._source = Provenance(source=source.lower()[: attribution.PARTS["source"]], medium="import")

    def clean(self, row: Row) -> Person | Refusal:
        """The person of a row, or why it is refused: every fault at once."""
        given = {field: cell for at, _, field in self._places if (cell := row.cells[at].strip())}
        problems: list[str] = []
        address, hashed = self._address(given, problems)
        if row.surplus:
            problems.insert(0, _surplus(row))
        columns, attributes = self._fields(given, problems)
        agreement = self._agreement(given, problems)
        opted_out = _opted_out(given)
        if problems or address is None:
            reason = " ".join(problems)[:LONGEST_REASON]
            return Refusal(row.line, row.cells, reason, hashed if opted_out else "")
        return Person(
            line=row.line,
            cells=row.cells,
            address=address,
            hashed=hashed,
            columns=columns,
            attributes=attributes,
            provenance=self._provenance(given),
            opted_out=opted_out,
            agreement=agreement,
        )

    def _address(self, given: Mapping[str, str], problems: list[str]) -> tuple[Address | None, str]:
        try:
            address = addresses.read(given.get("email", ""))
        except addresses.AddressError as error:
            problems.append(str(error))
            return None, ""
        return address, addresses.address_hash(address.normal, self._key)

    def _fields(self, given: Mapping[str, str], problems: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
        fields: dict[str, Any] = {name: cell for name, cell in given.items() if name in writable.WRITABLE}
        if "name" in given:
            first, last = _cut(given["name"])
            fields = {"first_name": first, "last_name": last, **fields}
        if "is_client" in fields:
            fields["is_client"] = _truth(fields["is_client"])
        attributes = {
            field.removeprefix(ATTRIBUTE): typed(cell) for field, cell in given.items() if field.startswith(ATTRIBUTE)
        }
        try:
            return writable.read(fields | ({"attributes": attributes} if attributes else {}), clearing=False)
        except writable.LeadError as error:
            problems += [f"{self._headings.get(name, name)}: {told}" for name, told in error.fields.items()]
            return {}, {}

    def _provenance(self, given: Mapping[str, str]) -> Provenance:
        """What the row says of where the person came from; many rows say the same."""
        said = tuple((name, cell) for name, cell in given.items() if name in _PROVENANCE)
        if not said:
            return self._source
        found = self._provenances.get(said)
        if found is None:
            if len(self._provenances) >= MOST_REMEMBERED:
                self._provenances.clear()
            found = self._provenances[said] = self._read_provenance(dict(said))
        return found

    def _read_provenance(self, said: dict[str, str]) -> Provenance:
        """The source of the import stands in for one that the row does not name."""
        found = attribution.read(said)
        if any(name in said for name in ("utm_source", "utm_medium", "referrer", *attribution.CLICK_IDS)):
            return found
        return replace(found, source=self._source.source, medium=self._source.medium)

    def _agreement(self, given: Mapping[str, str], problems: list[str]) -> Agreement | None:
        said, at = given.get("consent", ""), given.get("consent_at", "")
        if (not said and not at) or said.lower() in NO:
            return None
        moment = _moment(at)
        if at and moment is None:
            name = self._headings.get("consent_at", "consent_at")
            problems.append(f"{name}: “{at[:40]}” does not read as a date; write one like 2026-03-01.")
        text = "As imported." if not said or said.lower() in YES else said[:LONGEST_CONSENT]
        return Agreement(text, moment)


def typed(cell: str) -> Any:
    """A cell as the value of an attribute: plain numbers, true and false, JSON lists; all else is text."""
    if _NUMBER.fullmatch(cell) and cell != "-0":
        return float(cell) if "." in cell else int(cell)
    if cell in ("true", "false"):
        return cell == "true"
    if cell[0] in "[{":
        try:
            return msgspec.json.decode(cell)
        except (msgspec.DecodeError, RecursionError):
            return cell
    return cell


def _surplus(row: Row) -> str:
    return (
        f"The row has {len(row.cells) + row.surplus} cells or more, the heading {len(row.cells)}: a text with a "
        "separator in it needs quotation marks."
    )


def _opted_out(given: Mapping[str, str]) -> bool:
    """Whether any column says so. What is not clearly a no counts: no opt-out may get lost on the way."""
    return (
        ("unsubscribed" in given and given["unsubscribed"].lower() not in STILL_IN)
        or given.get("subscribed", "").lower() in NO
        or given.get("consent", "").lower() in NO
    )


def _cut(name: str) -> tuple[str, str]:
    """“Ada Ash” and “Ash, Ada” as first and last name."""
    if "," in name:
        last, _, first = name.partition(",")
        return first.strip(), last.strip()
    first, _, last = name.partition(" ")
    return first, last.strip()


def _truth(cell: str) -> Any:
    """True or false; a cell that says neither stays as it is, and is refused."""
    word = cell.lower()
    return True if word in YES else False if word in NO else cell


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    found = None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        for form in _DATES:
            try:
                found = datetime.strptime(text, form)  # noqa: DTZ007 - UTC, below
                break
            except ValueError:
                continue
    if found is None or not 1990 <= found.year <= 2999:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
