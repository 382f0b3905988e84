"""One answer as it was sent, read in the type of its question. Pure; problems are sentences for the person."""

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from urllib.parse import urlsplit

from leads import addresses, profile
from leads.questions import patterns
from leads.questions.definition import Question

LONGEST_ANSWER = 500
LONGEST_TEXT = 5_000
MOST_CHOICES = 100
TRUE, FALSE = frozenset({"true", "on", "yes", "1"}), frozenset({"false", "off", "no", "0", ""})

Answer = str | int | float | bool | list[str]


def read(question: Question, value: object, *, longest: int = LONGEST_ANSWER) -> Answer | None:
    """The answer, None if nothing was sent; ValueError says what is wrong. `longest`: of a text of one line.

    What comes in a hidden field was not written by the person, who could not mend it: it is cut, never refused.
    """
    if question.type == "hidden":
        return _hidden(value, question)
    if value is None or value == "":
        return None
    if question.type == "multiselect":
        return _several(question, value if isinstance(value, list | tuple) else [value])
    if isinstance(value, list | tuple):
        raise ValueError("One answer is expected here, not several.")
    if question.type == "checkbox":
        return _truth(value)
    if isinstance(value, dict | bool):
        raise ValueError("A text or a number is expected here.")
    return _READERS.get(question.type, _text)(question, value, longest)


def _hidden(value: object, question: Question) -> str | None:
    if isinstance(value, list | tuple):
        value = value[-1] if value else None
    text = profile.clean(str(value)) if isinstance(value, str | int | float) else ""
    return (text or " ".join(question.default))[:LONGEST_ANSWER] or None


def _several(question: Question, values: list[object] | tuple[object, ...]) -> list[str] | None:
    if len(values) > MOST_CHOICES:
        raise ValueError(f"At most {MOST_CHOICES} choices, please.")
    chosen = [text for one in values if (text := _choice(question, one, LONGEST_ANSWER))]
    return list(dict.fromkeys(chosen)) or None


def _plain(value: object, longest: int, *, lines: bool = False) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ValueError("A text or a number is expected here.")
    text = profile.clean(str(value), lines=lines)
    if len(text) > longest:
        raise ValueError(f"At most {longest} characters, please.")
    return text


def _choice(question: Question, value: object, longest: int) -> str:
    text = _plain(value, longest)
    if text and question.options and all(text != profile.clean(option.value) for option in question.options):
        raise ValueError("Please choose one of the options.")
    return text


def _text(question: Question, value: object, longest: int) -> str | None:
    text = _choice(question, value, longest)
    _measure(question, text)
    return text or None


def _lines(question: Question, value: object, longest: int) -> str | None:
    text = _plain(value, LONGEST_TEXT, lines=True)
    _measure(question, text)
    return text or None


def _measure(question: Question, text: str) -> None:
    if not text:
        return
    if question.max_length is not None and len(text) > question.max_length:
        raise ValueError(f"At most {question.max_length} characters, please.")
    if question.min_length is not None and len(text) < question.min_length:
        raise ValueError(f"At least {question.min_length} characters, please.")
    if question.pattern and not patterns.read(question.pattern).fits(text):
        raise ValueError(question.message or "This does not look right. Please check it.")


def _email(question: Question, value: object, longest: int) -> str | None:
    text = _text(question, value, longest)
    return addresses.read(text).written if text else None


def _url(question: Question, value: object, longest: int) -> str | None:
    """A web address; people leave out the beginning."""
    text = _text(question, value, longest)
    if not text:
        return None
    whole = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(whole)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https") or "." not in host or any(char.isspace() for char in whole):
        raise ValueError("A web address is expected here, like https://www.example.com.")
    return whole


def _number(question: Question, value: object, longest: int) -> int | float | None:
    try:
        number = float(str(value).strip().replace(",", "."))
    except ValueError:
        raise ValueError("A number is expected here.") from None
    if not -1e15 < number < 1e15:
        raise ValueError("This number is too large.")
    if isinstance(question.minimum, float) and number < question.minimum:
        raise ValueError(f"At least {question.minimum:g}, please.")
    if isinstance(question.maximum, float) and number > question.maximum:
        raise ValueError(f"At most {question.maximum:g}, please.")
    return int(number) if number.is_integer() else number


def _date(question: Question, value: object, longest: int) -> str | None:
    text = _plain(value, longest)
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        raise ValueError("A date is expected here, like 2026-03-31.") from None
    if day is None:
        return None
    if isinstance(question.minimum, date) and day < question.minimum:
        raise ValueError(f"Not before {question.minimum.isoformat()}, please.")
    if isinstance(question.maximum, date) and day > question.maximum:
        raise ValueError(f"Not after {question.maximum.isoformat()}, please.")
    return day.isoformat()


def _truth(value: object) -> bool:
    text = str(value).strip().lower()
    if text not in TRUE | FALSE:
        raise ValueError("Yes or no is expected here.")
    return text in TRUE


_READERS: Mapping[str, Callable[[Question, object, int], Answer | None]] = MappingProxyType(
    {"textarea": _lines, "email": _email, "url": _url, "number": _number, "date": _date}
)
