"""One call as a client sent it → what it says, or why it is not taken. Pure."""

import hashlib
import re
from typing import Any
from uuid import uuid4

import msgspec

from leads.attribution import anonymous_id
from leads.profile import clean
from leads.tracking import keeping, kinds

CALLS = ("identify", "track", "page", "screen", "group", "alias")
LARGEST_CALL = 32 * 1024
MOST_IN_BATCH = 2_500
LONGEST_USER_ID = 200
LONGEST_KEY = 200
DEEPEST = 12
LARGEST_INTEGER = 2**63 - 1

# Any escape of a JSON string: a whole pair of surrogates, one that stands alone, or another.
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL)
_MISSING = "userId or anonymousId is missing"

Id = str | int | float | None


class BadCall(ValueError):
    """A call that is not taken: the reason in a sentence, and the member it is about ("" for the whole)."""

    def __init__(self, reason: str, field: str = "") -> None:
        self.reason, self.field = reason, field
        super().__init__(reason)


class Sent(msgspec.Struct, rename="camel"):
    """The members of a call that are read; everything else in it is ignored."""

    type: Any = None
    user_id: Id = None
    anonymous_id: Id = None
    message_id: Any = None
    event: str | None = None
    name: Any = None
    category: Any = None
    properties: dict[str, Any] | list[Any] | None = None
    traits: dict[str, Any] | list[Any] | None = None
    context: Any = None
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = None
    previous_id: Id = None
    group_id: Id = None


class Call(msgspec.Struct):
    """A call that reads. `name` is the event's, page's or screen's; of `user` and `browser` one at least is there."""

    type: str
    user: str
    browser: str
    key: str
    name: str
    facts: dict[str, Any]
    around: dict[str, Any]
    at: Any
    sent_at: Any


_decode = msgspec.json.Decoder(Sent).decode


def read(raw: bytes, kind: str | None = None) -> Call:
    """A call of this kind, or of the `type` that it names itself, as in a batch. BadCall says what is wrong with it."""
    sent = _sent(raw)
    kind = kind or sent.type
    if kind not in CALLS:
        raise BadCall(f"type must be one of {', '.join(CALLS)}", "type")
    around = keeping.context(sent.context)
    name, facts = _READERS[kind](sent, around)
    return Call(
        type=kind,
        user=_user(sent),
        browser=_browser(sent.anonymous_id),
        key=message_key(sent.message_id) or uuid4().hex,
        name=name,
        facts=facts,
        around=around,
        at=sent.original_timestamp or sent.timestamp,
        sent_at=sent.sent_at,
    )


def message_key(message_id: object) -> str:
    """A messageId as the key of an event; one that is too long stands by its hash."""
    text = clean(message_id) if isinstance(message_id, str) else _number(message_id)
    return text if len(text) <= LONGEST_KEY else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def mended(raw: bytes) -> bytes:
    """JSON with the halves of characters replaced that browsers cut in two: an emoji at the end of a cut title."""
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], raw) if b"\\u" in raw else raw


def glance(raw: bytes) -> tuple[str, str]:
    """Type and messageId of a call that may not read, as far as they do, to tell it by."""
    try:
        sent = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(sent, dict):
        return "", ""
    named = sent.get("type")
    return (clean(named)[:20] if isinstance(named, str) else ""), message_key(sent.get("messageId"))


def _sent(raw: bytes) -> Sent:
    if len(raw) > LARGEST_CALL:
        raise BadCall(f"a call has at most {LARGEST_CALL // 1024} KB")
    try:
        sent = _decode(raw)
    except UnicodeDecodeError:
        raise BadCall("it is not UTF-8") from None
    except RecursionError:
        raise BadCall(f"it is nested deeper than {DEEPEST} levels") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadCall(str(error)) from None
    for facts in (sent.properties, sent.traits):
        if facts:
            _check(facts)
    return sent


def _check(inside: dict[str, Any] | list[Any], depth: int = 1) -> None:
    """BadCall for what no reader of ours could take."""
    if depth > DEEPEST:
        raise BadCall(f"it is nested deeper than {DEEPEST} levels")
    for value in inside.values() if isinstance(inside, dict) else inside:
        kind = type(value)
        if kind is dict or kind is list:
            _check(value, depth + 1)
        elif kind is int and not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
            raise BadCall("it has a whole number of more than 64 bits; send it as a text")


def _user(sent: Sent) -> str:
    user = _id(sent.user_id)
    if not user and not _id(sent.anonymous_id):
        raise BadCall(_MISSING, "userId")
    if len(user) > LONGEST_USER_ID:
        raise BadCall(f"userId has at most {LONGEST_USER_ID} characters", "userId")
    return user


def _browser(value: Id) -> str:
    """The browser's id, cut as forms cut it, so that both speak of the same browser."""
    return anonymous_id({"anonymous_id": _id(value)}) if value is not None else ""


def _id(value: Id) -> str:
    return clean(value) if isinstance(value, str) else _number(value)


def _number(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _mapping(value: dict[str, Any] | list[Any] | None, field: str) -> dict[str, Any]:
    """An object; PHP writes an empty one as []."""
    if isinstance(value, dict):
        return value
    if value:
        raise BadCall(f"{field} must be an object", field)
    return {}


def _track(sent: Sent, around: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    name = clean(sent.event or "")
    if not name:
        raise BadCall("event is missing: the name of what happened", "event")
    if len(name) > kinds.LONGEST:
        raise BadCall(f"event has at most {kinds.LONGEST} characters", "event")
    return name, keeping.facts(_mapping(sent.properties, "properties"), around)


def _view(sent: Sent, around: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A page or a screen, whose name and category may stand beside its properties."""
    named = {
        part: text[: kinds.LONGEST_URL]
        for part, text in (("name", sent.name), ("category", sent.category))
        if isinstance(text, str) and text
    }
    facts = keeping.facts({**named, **_mapping(sent.properties, "properties")}, around)
    name = facts.get("name")
    return (clean(name) if isinstance(name, str) else ""), facts


def _identify(sent: Sent, around: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    traits = keeping.facts(_mapping(sent.traits, "traits"), {})
    return "", keeping.facts({"traits": traits}, around)


def _group(sent: Sent, around: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    group = _id(sent.group_id)
    if not 0 < len(group) <= LONGEST_USER_ID:
        raise BadCall(f"groupId is missing, or has over {LONGEST_USER_ID} characters", "groupId")
    traits = keeping.facts(_mapping(sent.traits, "traits"), {})
    return "", keeping.facts({"group_id": group, "traits": traits}, around)


def _alias(sent: Sent, around: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    previous = _id(sent.previous_id)
    if not 0 < len(previous) <= LONGEST_USER_ID:
        raise BadCall(f"previousId is missing, or has over {LONGEST_USER_ID} characters", "previousId")
    if not _id(sent.user_id):
        raise BadCall("userId is missing", "userId")
    return "", keeping.facts({"previous_id": previous}, around)


_READERS = {"identify": _identify, "track": _track, "page": _view, "screen": _view, "group": _group, "alias": _alias}
