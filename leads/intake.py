"""Reads a form post against its form: what is the person's profile, what are further answers, what is wrong. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leads import addresses, profile

# What a body calls them → the lead's column. Known for every form, whether it asks for them or not.
PROFILE = {"company": "company_name"} | {column: column for column in profile.LIMITS}
LONGEST_ANSWER = 500
LONGEST_TEXT = 5_000
MOST_FIELDS = 100
TRUE, FALSE = frozenset({"true", "on", "yes", "1"}), frozenset({"false", "off", "no", "0", ""})

Answer = str | int | float | bool | list[str]


@dataclass(frozen=True, slots=True)
class Intake:
    address: addresses.Address
    profile: dict[str, Any]
    attributes: dict[str, Answer]
    answers: dict[str, Answer] = field(default_factory=dict)


class IntakeError(ValueError):
    """What the person has to mend: field → a sentence for them."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        super().__init__("; ".join(f"{name}: {message}" for name, message in self.fields.items()))


def read(fields: Sequence[Mapping[str, Any]], data: Mapping[str, Any]) -> Intake:
    """A posted body as an intake; IntakeError names every field that is wrong, at once.

    Unknown members are left alone (they stay in the stored submission), and empty ones count as not sent.
    """
    problems: dict[str, str] = {}
    if len(data) > MOST_FIELDS:
        raise IntakeError({"": f"At most {MOST_FIELDS} fields can be sent."})
    address = _address(data, problems)
    definitions = {str(one["name"]): one for one in fields if one.get("name") != "email"}
    answers: dict[str, Answer] = {}
    for name in [*definitions, *(name for name in (*PROFILE, "company_size", "message") if name not in definitions)]:
        definition = definitions.get(name, {"type": "textarea" if name == "message" else "text"})
        try:
            answer = _answer(name, definition, data.get(name))
        except ValueError as error:
            problems[name] = str(error)
            continue
        if answer is not None:
            answers[name] = answer
        elif definition.get("required"):
            problems[name] = "Please fill this in."
    if problems or address is None:
        raise IntakeError(problems)
    further = {
        name: answers[name]
        for name in definitions
        if name in answers and name not in (*PROFILE, "company_size", "message")
    }
    return Intake(address, profile_columns(answers), further, answers)


def profile_columns(answers: Mapping[str, Any]) -> dict[str, Any]:
    """The lead's columns that these answers fill; only those with something in them."""
    columns = {column: str(answers[name]) for name, column in PROFILE.items() if answers.get(name) not in (None, "")}
    if "timezone" in columns and not profile.zone(columns["timezone"]):
        del columns["timezone"]
    found: dict[str, Any] = dict(columns)
    if size := profile.company_size(answers.get("company_size")):
        found["company_size"] = size
    if role := profile.role(columns.get("job_title", "")):
        found["role"] = role
    return found


def _address(data: Mapping[str, Any], problems: dict[str, str]) -> addresses.Address | None:
    try:
        return addresses.read(data.get("email", ""))
    except addresses.AddressError as error:
        problems["email"] = str(error)
        return None


def _answer(name: str, definition: Mapping[str, Any], value: object) -> Answer | None:
    """One answer in its type, None if nothing was sent; ValueError with a sentence for the person."""
    kind = definition.get("type", "text")
    if value is None or value == "":
        return None
    if kind == "checkbox":
        return _truth(value)
    if isinstance(value, list | tuple):
        return (
            [text for one in value if (text := _text(name, definition, one))]
            if kind == "multiselect"
            else _refuse_list()
        )
    if isinstance(value, dict | bool):
        raise ValueError("A text or a number is expected here.")
    if kind == "number":
        return _number(value)
    return _text(name, definition, value) or None


def _text(name: str, definition: Mapping[str, Any], value: object) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ValueError("A text or a number is expected here.")
    lines = definition.get("type") == "textarea"
    text = profile.clean(str(value), lines=lines)
    longest = LONGEST_TEXT if lines else profile.LIMITS.get(PROFILE.get(name, ""), LONGEST_ANSWER)
    if len(text) > longest:
        raise ValueError(f"At most {longest} characters, please.")
    options = definition.get("options")
    if text and options and text not in (str(option) for option in options):
        raise ValueError("Please choose one of the options.")
    return text


def _number(value: object) -> int | float:
    try:
        number = float(str(value).strip().replace(",", "."))
    except ValueError:
        raise ValueError("A number is expected here.") from None
    if not -1e15 < number < 1e15:
        raise ValueError("This number is too large.")
    return int(number) if number.is_integer() else number


def _truth(value: object) -> bool:
    text = str(value).strip().lower()
    if text not in TRUE | FALSE:
        raise ValueError("Yes or no is expected here.")
    return text in TRUE


def _refuse_list() -> Answer:
    raise ValueError("One answer is expected here, not several.")
