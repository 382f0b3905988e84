"""Bodies as they come from outside: bounded, UTF-8, and nothing in them that the database could not keep."""

import re
from collections.abc import Mapping
from typing import IO, Any

import msgspec
from django.core.exceptions import SuspiciousOperation
from django.http import QueryDict
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request

from lifecycle.api.problems import TooLarge

LARGEST = 256 * 1024
DEEPEST = 10
MOST_FIELDS = 200
LARGEST_INTEGER = 2**63 - 1
CONTEXT_NAME = re.compile(r"context(\[\w{1,60}\]){1,5}", re.ASCII)
CONTEXT_PART = re.compile(r"\[(\w+)\]", re.ASCII)

Context = Mapping[str, Any] | None


class JSONBody(BaseParser):
    """A JSON object; of duplicate keys the last counts."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Context = None) -> Any:
        raw = read(stream, parser_context)
        try:
            value = msgspec.json.decode(raw)
        except UnicodeDecodeError as problem:
            raise ParseError(f"The body is not UTF-8 (byte {problem.start}).", code="malformed") from problem
        except RecursionError as problem:
            raise ParseError(f"The JSON is nested deeper than {DEEPEST} levels.", code="malformed") from problem
        except msgspec.MsgspecError as problem:
            raise ParseError(f"The body is not JSON: {problem}.", code="malformed") from problem
        if not isinstance(value, dict):
            raise ParseError("The body must be a JSON object.", code="malformed")
        check(value)
        return value


class FormBody(BaseParser):
    """A form as browsers send it by default."""

    media_type = "application/x-www-form-urlencoded"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Context = None) -> dict[str, Any]:
        raw = read(stream, parser_context)
        try:
            fields = QueryDict(raw.decode("utf-8"), encoding="utf-8")
        except UnicodeDecodeError as problem:
            raise ParseError(f"The body is not UTF-8 (byte {problem.start}).", code="malformed") from problem
        except SuspiciousOperation as problem:
            raise ParseError("The form has too many fields.", code="malformed") from problem
        return plain(fields)


class MultipartBody(MultiPartParser):
    """A form as `new FormData()` sends it. Files are not taken."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Context = None) -> Any:
        check_size(parser_context)
        parsed = super().parse(stream, media_type=media_type, parser_context=dict(parser_context or {}))
        if parsed.files:
            raise ParseError("A form takes no files.", code="malformed")
        return plain(parsed.data)


class OnlyJSON(DefaultContentNegotiation):
    """Answers are JSON whatever the Accept header prefers."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


def plain(fields: QueryDict) -> dict[str, Any]:
    """Name → value, or → list of values where a name came several times."""
    values: dict[str, Any] = {name: sent[0] if len(sent) == 1 else sent for name, sent in fields.lists()}
    check(values)
    if context := context_in(values):
        values["context"] = context
    return values


def context_in(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Segment's context object as forms carry it: JSON text in one field, or flat as `context[campaign][source]`.

    Empty for one that does not read: a wrong tag on the page must not cost the form.
    """
    if isinstance(text := fields.get("context"), str):
        try:
            context = msgspec.json.decode(text, type=dict[str, Any])
            check(context)
        except (msgspec.MsgspecError, RecursionError, ParseError):
            return {}
        return context
    flat = {tuple(CONTEXT_PART.findall(name)): value for name, value in fields.items() if CONTEXT_NAME.fullmatch(name)}
    return nested(flat)


def nested(flat: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """path → value as objects inside objects; of a value and an object in one place the object stays."""
    made: dict[str, Any] = {}
    for path, value in sorted(flat.items()):
        inside = made
        for part in path[:-1]:
            if not isinstance(inside.get(part), dict):
                inside[part] = {}
            inside = inside[part]
        inside[path[-1]] = value
    return made


def read(stream: IO[bytes], context: Context) -> bytes:
    """The whole body, or TooLarge before more than the limit was read."""
    check_size(context)
    raw = stream.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise too_large()
    return raw


def check_size(context: Context) -> None:
    if context and int(context["request"].META.get("CONTENT_LENGTH") or 0) > LARGEST:
        raise too_large()


def too_large() -> TooLarge:
    return TooLarge(f"The body is larger than {LARGEST // 1024} KB.")


def check(value: Any, path: str = "", depth: int = 0) -> None:
    """ParseError, with the path, for what PostgreSQL's JSON cannot hold or nobody sends in good faith."""
    if isinstance(value, str):
        if "\0" in value:
            raise ParseError(f"{path or 'The body'} contains a NUL character.", code="malformed")
    elif isinstance(value, dict):
        _check_inside(value.items(), path, depth)
    elif isinstance(value, list):
        _check_inside(enumerate(value), path, depth)
    elif isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise ParseError(f"{path} is too large a number.", code="malformed")


def _check_inside(items: Any, path: str, depth: int) -> None:
    if depth == DEEPEST:
        raise ParseError(f"{path} is nested deeper than {DEEPEST} levels.", code="malformed")
    for index, (name, inner) in enumerate(items):
        if depth == 0 and index == MOST_FIELDS:
            raise ParseError(f"The body has more than {MOST_FIELDS} fields.", code="malformed")
        if isinstance(name, str):
            check(name, "A field's name")
        check(inner, f"{path}.{name}" if path else str(name), depth + 1)
