"""A file of people as rows of cells, whatever wrote it: encodings, separators, quotes and headings are found out.

The file is read from its beginning to its end and never held in memory. What cannot be read is refused in words that
say where and what to do.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from lifecycle.core.cells import read_cell

SAMPLE = 64 * 1024
BLOCK = 1024 * 1024
MOST_COLUMNS = 300
LONGEST_HEADING = 80
LONGEST_CELL = 131_072
DELIMITERS = (",", ";", "\t", "|")
# Rows that the guess of the separator looks at.
LOOKED_AT = 20

AS_CSV = "Open it and save it as “CSV UTF-8 (comma delimited)”, then import that file."
_OTHER_FILES = (
    (b"PK\x03\x04", f"This is an Excel workbook (xlsx) or a zip archive, not a CSV file. {AS_CSV}"),
    (b"\xd0\xcf\x11\xe0", f"This is an old Excel workbook (xls), not a CSV file. {AS_CSV}"),
    (b"\x1f\x8b", "This file is compressed (gz). Unpack it first."),
    (b"%PDF", "This is a PDF. Export the list as CSV where it came from."),
    (b"{\\rtf", f"This is a text document (rtf), not a CSV file. {AS_CSV}"),
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NAMES = {"utf-8-sig": "UTF-8", "utf-8": "UTF-8", "cp1252": "Windows-1252"}
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


class FileProblem(ValueError):
    """The file cannot be imported; the message says where and what to do."""


class Row(NamedTuple):
    """`line`: of the file, where the row begins; the heading is line 1. `cells`: as many as there are columns."""

    line: int
    cells: list[str]
    surplus: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file is to be read. `first`: rows before the data (the heading, and Excel's “sep=;”)."""

    encoding: str
    delimiter: str
    headings: tuple[str, ...]
    first: int = 1
    has_nul: bool = False

    @property
    def in_words(self) -> str:
        encoding = _NAMES.get(self.encoding, self.encoding.upper())
        doubt = ", because it is not UTF-8: look at the names with accents" if self.encoding == "cp1252" else ""
        return f"Read as {encoding} with {_SEPARATORS[self.delimiter]} between the cells{doubt}."


def examine(file: BinaryIO) -> Shape:
    """How to read this file: one pass over it. FileProblem if it is no table with headings."""
    file.seek(0)
    head = file.read(SAMPLE)
    refuse_other_files(head)
    encoding, has_nul = encoding_of(file, head)
    sample = codecs.getincrementaldecoder(encoding)("replace").decode(head, final=False).replace("\0", "")
    said, first = _said_delimiter(sample), 1
    if said:
        first, sample = 2, sample.partition("\n")[2]
    delimiter = said or _delimiter(sample)
    headings = next(_records(sample, delimiter), [])
    return Shape(encoding, delimiter, _headings(headings), first, has_nul)


def rows(file: BinaryIO, shape: Shape, *, skip: int = 0) -> Iterator[Row]:
    """The data rows that hold anything, without the first `skip` of them. FileProblem where it does not go on."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=shape.encoding, errors="replace", newline="")
    width, line, number = len(shape.headings), 0, 0
    try:
        lines = (one.replace("\0", "") for one in text) if shape.has_nul else text
        reader = csv.reader(lines, delimiter=shape.delimiter)
        for cells in reader:
            began, line, number = line + 1, reader.line_num, number + 1
            if number <= shape.first or not any(cell and not cell.isspace() for cell in cells):
                continue
            if skip:
                skip -= 1
                continue
            yield _row(began, cells, width)
    except csv.Error as error:
        raise FileProblem(
            f"Line {line + 1}: a cell holds more than {LONGEST_CELL:,} characters. Most likely a quotation mark opens "
            "there and never closes."
        ) from error
    finally:
        text.detach()


def count(file: BinaryIO, shape: Shape) -> int:
    """How many data rows there are."""
    return sum(1 for _ in rows(file, shape))


def _row(line: int, cells: list[str], width: int) -> Row:
    surplus = sum(1 for cell in cells[width:] if cell.strip()) if len(cells) > width else 0
    read = [read_cell(cell) if cell[:1] == "'" else cell for cell in cells[:width]]
    return Row(line, read + [""] * (width - len(read)), surplus)


def refuse_other_files(head: bytes) -> None:
    """FileProblem for what does not begin like a text with rows of cells."""
    if not head.strip():
        raise FileProblem("The file is empty.")
    for start, told in _OTHER_FILES:
        if head.startswith(start):
            raise FileProblem(told)
    if head.lstrip()[:15].lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise FileProblem(f"This is a web page or XML, not a CSV file. {AS_CSV}")


def encoding_of(file: BinaryIO, head: bytes) -> tuple[str, bool]:
    """By its mark, by its zeros, or UTF-8 if all of it is; else what Windows writes in western Europe.

    And whether there is a NUL in it that means nothing.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, True
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) > len(head) // 6:
        return ("utf-16-le" if odd > even else "utf-16-be"), True
    decoder, is_utf8, has_nul = codecs.getincrementaldecoder("utf-8")(), True, False
    file.seek(0)
    while block := file.read(BLOCK):
        has_nul = has_nul or b"\0" in block
        is_utf8 = is_utf8 and _decodes(decoder, block)
    is_utf8 = is_utf8 and _decodes(decoder, b"", final=True)
    return ("utf-8" if is_utf8 else "cp1252"), has_nul


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _said_delimiter(sample: str) -> str:
    """Excel's own first line, “sep=;”."""
    line = sample.partition("\n")[0].strip().strip('"').lower()
    return line[4] if line.startswith("sep=") and line[4:] in DELIMITERS else ""


def _delimiter(sample: str) -> str:
    """The separator that cuts the heading into most cells, and the rows below into as many."""

    def worth(delimiter: str) -> tuple[float, int]:
        widths = [len(record) for record, _ in zip(_records(sample, delimiter), range(LOOKED_AT), strict=False)]
        if not widths or widths[0] < 2:
            return 0.0, 0
        return sum(width == widths[0] for width in widths) / len(widths), widths[0]

    return max(DELIMITERS, key=worth)


def _records(sample: str, delimiter: str) -> Iterator[list[str]]:
    try:
        for record in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            if any(cell.strip() for cell in record):
                yield record
    except csv.Error:
        return


def _headings(cells: list[str]) -> tuple[str, ...]:
    """Names of the columns, each once. FileProblem if the first line names none."""
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    if not cells:
        raise FileProblem("Line 1: the first line has to name the columns, and nothing readable is there.")
    if len(cells) > MOST_COLUMNS:
        raise FileProblem(f"Line 1: there are {len(cells)} columns, and at most {MOST_COLUMNS} can be imported.")
    if any("@" in cell for cell in cells):
        raise FileProblem(
            "Line 1: the first line has to name the columns, like “Email, First name”, but it holds an address. "
            "Put a line with headings above it."
        )
    names: list[str] = []
    for position, cell in enumerate(cells, start=1):
        wanted = " ".join(read_cell(cell).split())[:LONGEST_HEADING].strip("\ufeff") or f"Column {position}"
        name, again = wanted, 2
        while name in names:
            name, again = f"{wanted} ({again})", again + 1
        names.append(name)
    return tuple(names)
