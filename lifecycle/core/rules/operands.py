"""Operands at the door: each is checked and brought into the one form that the rest of the package knows."""

from collections.abc import Callable
from datetime import UTC, date, datetime

from lifecycle.core import durations

from .operators import OPERATORS
from .tree import Comparison, Kind, Operand
from .vocabulary import FieldType

MAX_TEXT = 1000
MAX_VALUES = 500
# Up to here every whole number is exact as a float too, so Python and Postgres order numbers alike.
MAX_NUMBER = 10**15

_PART_OPS = ("contains", "starts_with", "ends_with")
_ORDER_OPS = ("lt", "lte", "gt", "gte")


class OperandError(ValueError):
    """The operand does not fit; the message says what would."""


def comparison(op: str, value: object, field_type: FieldType, choices: tuple[str, ...] | None = None) -> Comparison:
    """An operator of the type with its operand, checked; for json the operand decides the type of the test."""
    takes = OPERATORS[op].takes
    if takes == "nothing":
        return Comparison("presence" if op in ("is_set", "is_not_set") else "boolean", op)
    if takes == "duration":
        return Comparison("datetime", op, _duration(value))
    if takes == "instant":
        return Comparison("datetime", op, _instant(value))
    if takes == "range":
        return Comparison("number", op, _range(value))
    kind = _kind(op, value, field_type)
    read = _READERS[kind]
    operand: Operand = _many(value, read) if takes == "many" else read(value)
    if kind == "choice" and choices is not None:
        _check_choices(operand if isinstance(operand, tuple) else (operand,), choices)
    return Comparison(kind, op, operand)


def _kind(op: str, value: object, field_type: FieldType) -> Kind:
    if field_type != "json":
        return field_type
    if op in _PART_OPS:
        return "text"
    if op in _ORDER_OPS:
        return "number"
    sample = value[0] if isinstance(value, list | tuple) and value else value
    if isinstance(sample, bool):
        return "boolean"
    if isinstance(sample, int | float):
        return "number"
    if isinstance(sample, str):
        return "text"
    raise OperandError(f"give a text, a number or true/false, not {_short(sample)}")


def text(value: object) -> str:
    """A text that Postgres can hold, not empty."""
    if not isinstance(value, str):
        raise OperandError(f"give a text, not {_short(value)}")
    if not value:
        raise OperandError("an empty text counts as missing; use is_set or is_not_set")
    if len(value) > MAX_TEXT:
        raise OperandError(f"the text is longer than {MAX_TEXT} characters")
    if not storable(value):
        raise OperandError("the text has a character that cannot be stored (NUL or half of a surrogate pair)")
    return value


def storable(value: str) -> bool:
    """Whether Postgres can hold the text."""
    return "\x00" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise OperandError(f"give a number, not {_short(value)}")
    if not abs(value) <= MAX_NUMBER:  # written so that NaN fails as well
        raise OperandError(f"the number must lie between -{MAX_NUMBER} and {MAX_NUMBER}")
    return int(value) if value == int(value) else value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise OperandError(f"give true or false, not {_short(value)}")
    return value


def _instant(value: object) -> datetime:
    if isinstance(value, str):
        value = _from_iso(value)
    if isinstance(value, date) and not isinstance(value, datetime):  # YAML reads an unquoted date as one
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        raise OperandError(f"give a date like 2026-11-21 or a time like 2026-11-21T09:00:00Z, not {_short(value)}")
    if value.tzinfo is None:
        raise OperandError("the time has no zone; end it with Z for UTC or an offset like +01:00")
    if not 1900 <= value.year <= 2999:
        raise OperandError("the year must lie between 1900 and 2999")
    return value.astimezone(UTC)


def _from_iso(value: str) -> object:
    try:
        return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    except ValueError:
        return value


def _duration(value: object) -> Operand:
    try:
        return durations.parse(value)
    except durations.DurationError as error:
        raise OperandError(str(error)) from None


def _range(value: object) -> tuple[int | float, ...]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise OperandError("give two numbers, like [50, 500]")
    low, high = _number(value[0]), _number(value[1])
    if low > high:
        raise OperandError(f"the first number must not be above the second, as {low} is above {high}")
    return low, high


def _many(value: object, read: Callable[[object], str | int | float | bool]) -> tuple[str | int | float | bool, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise OperandError("give a list with at least one value")
    if len(value) > MAX_VALUES:
        raise OperandError(f"the list has {len(value)} values; the most is {MAX_VALUES}")
    return tuple(dict.fromkeys(read(one) for one in value))


def _check_choices(values: tuple[object, ...], choices: tuple[str, ...]) -> None:
    for value in values:
        if value not in choices:
            raise OperandError(f"{value!r} is not a choice; use one of {', '.join(filter(None, choices))}")


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."


_READERS: dict[Kind, Callable[[object], str | int | float | bool]] = {
    "text": text,
    "choice": text,
    "number": _number,
    "boolean": _boolean,
}
