"""Cells of a CSV file, written so that no spreadsheet takes one for a formula, and read back as they were.

A cell that a spreadsheet would calculate gets an apostrophe in front, which spreadsheets know as “this is text”. Plain
numbers stay as they are, -5 and +49 too: they calculate nothing, and people want to add them up. Reading takes the
apostrophe off again, so what was exported comes back unchanged.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from lifecycle.core import sql

FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?", re.ASCII)


def escape_cell(value: object) -> str:
    """A value as the text of its cell. None is empty, a time ISO 8601, a list or a dict JSON."""
    text = as_text(value)
    guarded = text.startswith(FORMULA) or (text.startswith("'") and text.lstrip("'").startswith(FORMULA))
    return f"'{text}" if guarded and not _NUMBER.fullmatch(text) else text


def read_cell(text: str) -> str:
    """The text of a cell as it was before `escape_cell`."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(FORMULA) else text


def escape_row(values: Iterable[object]) -> list[str]:
    """A row for csv.writer."""
    return [escape_cell(value) for value in values]


def as_text(value: Any) -> str:
    """A value as people read it, before anything is escaped."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple | dict):
        return sql.to_json(value)
    return str(value).replace("\0", "")


class Echo:
    """A file for csv.writer that keeps nothing: `writerow` then returns the row's text, to be streamed."""

    def write(self, text: str) -> str:
        return text
