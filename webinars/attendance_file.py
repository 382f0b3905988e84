"""A file that tells who was there: Zoom's reports as they come, or any table with addresses. Pure.

Zoom's reports begin with rows about the session and lists of hosts; the table that counts is the last one with an
address and the most that we know of. Times without a zone are read in the one that the uploader names. Of dates that
can be read in two ways (03/04/2026) the one that is nearer to the session is meant.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import BinaryIO
from zoneinfo import ZoneInfo

from leads.importing.reading import (
    AS_CSV,
    DELIMITERS,
    SAMPLE,
    FileProblem,
    encoding_of,
    refuse_other_files,
)
from lifecycle.core.cells import read_cell

LARGEST = 5 * 1024 * 1024
MOST_ROWS = 10_000
# Further from the session a time belongs to another one.
NEAR = timedelta(days=2)
LONGEST_STAY = 24 * 60

# What a column is called, in small letters and without signs.
WORDS: dict[str, tuple[str, ...]] = {
    "email": ("email", "useremail", "emailaddress", "mail", "registrantemail", "attendeeemail"),
    "joined": ("jointime", "joined", "joinedat", "join", "timejoined", "entrytime"),
    "left": ("leavetime", "left", "leftat", "leave", "timeleft", "exittime"),
    "minutes": (
        "minutes",
        "timeinsessionminutes",
        "timeinsession",
        "durationminutes",
        "totaldurationminutes",
        "duration",
        "attendedminutes",
    ),
    "attended": ("attended", "attendance", "present"),
}
_KNOWN = {word: column for column, words in WORDS.items() for word in words}
_SIGNS = re.compile(r"[^a-z]+")
_NUMBER = re.compile(r"\d{1,5}(?:[.,]\d{1,3})?")
_YES = frozenset({"yes", "y", "true", "1", "x", "ja", "oui", "sí", "si", "attended", "present"})
_NO = frozenset({"no", "n", "false", "0", "nein", "non", "missed", "absent"})
_NOTHING = frozenset({"", "-", "--", "–", "n/a"})
_TABLES = ("details", "other attended")
ISO = "iso"
PATTERNS = tuple(
    f"{day}{gap}{time}"
    for day in ("%Y-%m-%d", "%b %d, %Y", "%d %b %Y", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d")
    for gap in (" ", ", ")
    for time in ("%H:%M:%S", "%I:%M:%S %p", "%H:%M", "%I:%M %p")
)


@dataclass(frozen=True, slots=True)
class Row:
    """What a line says. `attended` without times or minutes: they were there, nobody knows how long."""

    line: int
    email: str
    joined_at: datetime | None = None
    left_at: datetime | None = None
    seconds: int | None = None
    attended: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """`columns`: our name → theirs."""

    columns: dict[str, str] = field(default_factory=dict)
    rows: Sequence[Row] = ()
    refusals: Sequence[Refusal] = ()


def read(file: BinaryIO, *, zone: ZoneInfo, near: datetime) -> Reading:
    """The file's rows, and the lines that say nothing. FileProblem if it is no table of attendance."""
    records = _records(file)
    at, columns = _heading(records)
    rows: list[Row] = []
    refusals: list[Refusal] = []
    reader = _Reader(columns, zone, near)
    for line, cells in _below(records, at):
        try:
            rows.append(reader.row(line, cells))
        except ValueError as problem:
            refusals.append(Refusal(line, str(problem)))
    if len(rows) + len(refusals) > MOST_ROWS:
        raise FileProblem(f"The file has more than {MOST_ROWS:,} rows; cut it into several.")
    names = records[at][1]
    return Reading({name: names[position] for name, position in columns.items()}, rows, refusals)


def _records(file: BinaryIO) -> list[tuple[int, list[str]]]:
    """All lines with something in them, cut where that gives the best heading."""
    file.seek(0, io.SEEK_END)
    if file.tell() > LARGEST:
        raise FileProblem(f"The file is larger than {LARGEST // 1024 // 1024} MB.")
    file.seek(0)
    head = file.read(SAMPLE)
    refuse_other_files(head)
    encoding, _ = encoding_of(file, head)
    file.seek(0)
    text = file.read().decode(encoding, "replace").replace("\0", "").lstrip("\ufeff")
    cuts = [_cut(text, delimiter) for delimiter in DELIMITERS]
    return max(cuts, key=lambda records: max((len(_columns(cells)) for _, cells in records), default=0))


def _cut(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    reader, line, found = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 0, []
    try:
        for cells in reader:
            began, line = line + 1, reader.line_num
            if any(cell.strip() for cell in cells):
                found.append((began, [read_cell(cell.strip()).strip() for cell in cells]))
    except csv.Error:
        return found
    return found


def _columns(cells: Sequence[str]) -> dict[str, int]:
    """What the cells of a heading mean, each meaning once; {} for a row that is none."""
    if any("@" in cell for cell in cells):
        return {}
    known: dict[str, int] = {}
    for position, cell in enumerate(cells):
        name = _KNOWN.get(_SIGNS.sub("", cell.lower()))
        if name:
            known.setdefault(name, position)
    return known if "email" in known else {}


def _heading(records: Sequence[tuple[int, list[str]]]) -> tuple[int, dict[str, int]]:
    """Where the heading is: of those that name the most, the last."""
    best, columns = -1, dict[str, int]()
    for at, (_, cells) in enumerate(records):
        found = _columns(cells)
        if found and len(found) >= len(columns):
            best, columns = at, found
    if not columns:
        raise FileProblem(f"No line names a column “Email”. It has to be a table with headings. {AS_CSV}")
    if len(columns) == 1:
        raise FileProblem(
            "Besides the address, the file has to say who was there: a column “Join Time” (and “Leave Time”), "
            "“Minutes” or “Attended”."
        )
    return best, columns


def _below(records: Sequence[tuple[int, list[str]]], at: int) -> Iterator[tuple[int, list[str]]]:
    """The rows of the table, up to the next one."""
    for line, cells in records[at + 1 :]:
        filled = [cell for cell in cells if cell]
        if len(filled) == 1 and filled[0].lower().endswith(_TABLES):
            return
        yield line, cells


class _Reader:
    def __init__(self, columns: dict[str, int], zone: ZoneInfo, near: datetime) -> None:
        self.columns, self.zone, self.near = columns, zone, near
        self._ways: list[str] = []

    def row(self, line: int, cells: Sequence[str]) -> Row:
        """ValueError says what is wrong with it."""
        email = self._cell(cells, "email")
        if email in _NOTHING:
            raise ValueError("There is no address.")
        joined, left = self._moment(cells, "joined"), self._moment(cells, "left")
        if joined and left and left < joined:
            raise ValueError("They left before they joined.")
        seconds = self._seconds(cells) if joined is None or left is None else None
        attended = self._attended(cells, has_more=bool(joined or left or seconds))
        return Row(line, email, joined, left, seconds, attended)

    def _cell(self, cells: Sequence[str], name: str) -> str:
        position = self.columns.get(name, len(cells))
        return cells[position] if position < len(cells) else ""

    def _moment(self, cells: Sequence[str], name: str) -> datetime | None:
        text = self._cell(cells, name)
        if text.lower() in _NOTHING:
            return None
        nearest = min(self._readings(text), key=lambda moment: abs(moment - self.near), default=None)
        if nearest is None:
            raise ValueError(f"“{text[:40]}” is no date and time.")
        if abs(nearest - self.near) > NEAR:
            raise ValueError(f"“{text[:40]}” is not the day of this webinar.")
        return nearest

    def _readings(self, text: str) -> list[datetime]:
        """What the text may mean: in the ways in which the file wrote times so far, else in all others."""
        found = [moment for pattern in self._ways if (moment := self._read(text, pattern))]
        if not found:
            read = {pattern: self._read(text, pattern) for pattern in (ISO, *PATTERNS)}
            self._ways += [pattern for pattern, moment in read.items() if moment]
            found = [moment for moment in read.values() if moment]
        return found

    def _read(self, text: str, pattern: str) -> datetime | None:
        try:
            found = datetime.fromisoformat(text) if pattern == ISO else datetime.strptime(text, pattern)  # noqa: DTZ007
            return (found if found.tzinfo else found.replace(tzinfo=self.zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            return None

    def _seconds(self, cells: Sequence[str]) -> int | None:
        text = self._cell(cells, "minutes")
        if text.lower() in _NOTHING:
            return None
        if not _NUMBER.fullmatch(text) or float(text.replace(",", ".")) > LONGEST_STAY:
            raise ValueError(f"“{text[:40]}” is no number of minutes.")
        return round(60 * float(text.replace(",", ".")))

    def _attended(self, cells: Sequence[str], *, has_more: bool) -> bool:
        text = self._cell(cells, "attended").lower()
        if text in _NO:
            return False
        if text in _YES or has_more:
            return True
        if text in _NOTHING:
            return False
        raise ValueError(f"“{text[:40]}” under “Attended” is neither yes nor no.")
