"""Stored decisions as sentences. Pure: a row and the names it speaks of in, English out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Words:
    """Who it is about, whose clock counts, and what sequences and mails are called."""

    person: str = "This person"
    zone: str = "UTC"
    sequences: Mapping[int, str] = field(default_factory=dict)
    mails: Mapping[tuple[int | None, str], str] = field(default_factory=dict)
    messages: Mapping[int, str] = field(default_factory=dict)
    events: Mapping[int, str] = field(default_factory=dict)

    def at(self, moment: datetime | str | None) -> str:
        """“Tue 10 Mar 2026, 09:00” on the person's clock; a text of ISO 8601 will do."""
        if moment is None:
            return "an unknown time"
        known = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return f"{known.astimezone(ZoneInfo(self.zone)):%a %-d %b %Y, %H:%M}"

    def sequence(self, pk: int | None) -> str:
        return self.sequences.get(pk or 0, "a sequence")

    def mail(self, sequence_id: int | None, step_key: str) -> str:
        return self.mails.get((sequence_id, step_key), step_key or "a mail")


def count(number: Any, one: str) -> str:
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


# --- checks of a mail: what objected, and what was seen by those that did not


def _cap(values: Values, words: Words) -> str:
    had = f"{words.person} had {count(values['count'], 'marketing mail')} in {count(values['days'], 'day')}"
    slot = f"; next slot {words.at(values['until'])}" if "until" in values else ""
    return f"{had} (cap {values['cap']}){slot}"


def _window(values: Values, words: Words) -> str:
    return f"outside the hours for mail on their clock; next opening {words.at(values['until'])}"


def _rate(values: Values, words: Words) -> str:
    return f"{values['account']} takes {values['per_second']:g} mails a second; next slot {words.at(values['until'])}"


def _late(values: Values, words: Words) -> str:
    return f"not worth sending after {words.at(values['expires_at'])}"


def _attempts(values: Values, words: Words) -> str:
    return f"gave up after {count(values['count'], 'attempt')}"


def _suppression(values: Values, words: Words) -> str:
    scopes = values["scopes"]
    if "everything" in scopes:
        return "the address bounced or complained"
    if "unconfirmed" in scopes:
        return "the address was never confirmed"
    return f"{words.person} unsubscribed" if "marketing" in scopes else f"{words.person} opted out of the topic"


def _sunset(values: Values, words: Words) -> str:
    return f"nothing was heard of {words.person}, so marketing mail rests since {words.at(values['since'])}"


OBJECTIONS: dict[str, Callable[[Values, Words], str]] = {
    "cap": _cap,
    "window": _window,
    "rate": _rate,
    "late": _late,
    "attempts": _attempts,
    "suppression": _suppression,
    "sunset": _sunset,
}
NAMES = {
    "enrollment": "Run",
    "exit": "Goals and exit rules",
    "suppression": "Opt-outs",
    "sunset": "Sunset",
    "late": "Lateness",
    "attempts": "Attempts",
    "window": "Send window",
    "cap": "Cap",
    "rate": "Sender's limit",
    "holdout": "Control group",
    "render": "Rendering",
    "filter": "Filter",
    "reentry": "Re-entry",
    "group": "Exclusive group",
    "loop": "Loop guard",
    "active": "Already inside",
    "update": "Update",
    "resume": "Going on",
}


def objection(check: str, values: Values, words: Words) -> str:
    """What a check had against it, with its figures where they were kept, else in the words it gave."""
    told = OBJECTIONS.get(check)
    if told is not None:
        try:
            return told(values, words)
        except (KeyError, ValueError, TypeError):
            pass  # a row of an older version, with other figures
    return str(values.get("text") or NAMES.get(check, check) or "no reason was kept")


def passed(check: str, values: Values, words: Words) -> str:
    """What a check saw that let the mail go on."""
    match check:
        case "cap" if "count" in values:
            return f"{values['count']} of {values['cap']} marketing mails in {count(values['days'], 'day')}"
        case "late" if "expires_at" in values:
            return f"in time: worth sending until {words.at(values['expires_at'])}"
        case "suppression":
            return "nothing that binds this mail"
        case "attempts":
            return f"{count(values.get('count', 0), 'attempt')} before"
        case "window":
            zone = values.get("zone")
            return f"open on their clock ({zone})" if zone else "open"
    return "nothing against it"


# --- decisions


def of_send(outcome: str, check: str, values: Values, words: Words, mail: str | None = None) -> str:
    """`mail`: its name, where the sentence stands among those about others."""
    what = f"“{mail}” not sent" if mail else "Not sent"
    return f"{what}{' yet' if outcome == 'deferred' else ''}: {objection(check, values, words)}."


def of_entry(outcome: str, check: str, values: Values, sequence_id: int | None, words: Words) -> str:
    name = words.sequence(sequence_id)
    match outcome:
        case "enrolled":
            how = " again, a new trigger restarted it" if "restart" in str(values.get("text", "")) else ""
            if check == "resumed":
                return f"{words.person} goes on in {name} where it had stopped{_by(values, words)}."
            return f"{words.person} entered {name}{how}{_by(values, words)}."
        case "merged":
            return f"A further trigger joined the run of {words.person} in {name}; nothing is sent twice."
        case "already_active":
            return f"A trigger of {name} was ignored: {words.person} was inside already."
    return f"{words.person} did not enter {name}{_by(values, words)}: {_refusal(check, values, words)}."


def _by(values: Values, words: Words) -> str:
    kind = words.events.get(values.get("event") or 0)
    return f", after {kind}" if kind else ""


def _refusal(check: str, values: Values, words: Words) -> str:
    if check == "filter" and "until" in values:
        held = str(values.get("text", "the filter did not hold")).partition(" (tried")[0]
        return f"{held}, tried again until {words.at(values['until'])}"
    if check == "reentry" and "until" in values:
        return f"not again before {words.at(values['until'])}"
    text = str(values.get("text") or "")
    return f"{NAMES[check].lower()}: {text}" if check in NAMES and text else text or NAMES.get(check, "refused")


# What steps do on the way, by the outcome in the log; {…} are the values kept with it.
DONE: dict[str, str] = {
    "set": "{name} set {field}",
    "notified": "{name} told sales: {message}",
    "task": "{name} asked sales for a task: {title}",
    "webhook": "{name} calls a webhook",
    "proposed": "{name} proposed {person} for the sequence {sequence}",
    "taken_out": "{name} takes {person} out of the sequence {sequence}",
}


def of_step(outcome: str, values: Values, sequence_id: int | None, step_key: str, words: Words) -> str:
    text = str(values.get("text") or "")
    match outcome:
        case "queued":
            variant = f", variant {values['variant']}" if values.get("variant") else ""
            return f"The mail “{words.mail(sequence_id, step_key)}”{variant} was queued."
        case "shadow":
            return f"The mail “{words.mail(sequence_id, step_key)}” was noted for the control group, which gets none."
        case "waiting" if "until" in values:
            what = f": {text.partition(', at most')[0]}, at most" if text else ""
            return f"At {step_key}{what} until {words.at(values['until'])}."
        case "passed" | "waiting":
            return f"{step_key}: {text}."
        case _ if outcome in DONE:
            known = {"name": words.sequence(sequence_id), "person": words.person}
            return f"{DONE[outcome].format_map(_Kept({**values, **known}))} ({step_key})."
    return f"{step_key}: {outcome}{f', {text}' if text else ''}."


class _Kept(dict[str, Any]):
    """Values of a row; one that an older version did not keep is told as such."""

    def __missing__(self, name: str) -> str:
        return f"(no {name} was kept)"


def of_exit(values: Values, sequence_id: int | None, words: Words) -> str:
    return f"{words.person} left {words.sequence(sequence_id)}: {values.get('text', 'no reason was kept')}."
