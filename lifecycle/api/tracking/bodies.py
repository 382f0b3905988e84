"""Bodies of tracking calls: bounded, unpacked, and opened as far as the door must look."""

import zlib

import msgspec
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from leads import tracking
from lifecycle.api.tracking.answers import Refused

LARGEST_BATCH = 500 * 1024
LARGEST_HEARD = 8 * 1024 * 1024
CHUNK = 64 * 1024
_GZIP = 31  # zlib's word for “with a gzip header”


class Envelope(msgspec.Struct, rename="camel"):
    """What is read of a body before its calls are: who sends it, and what is inside."""

    write_key: str | None = None
    sent_at: object = None
    batch: list[msgspec.Raw] | None = None


_decode = msgspec.json.Decoder(Envelope).decode


def read(request: HttpRequest, *, most: int) -> bytes:
    """The body, unpacked; Refused when it is larger than `most` bytes, packed or not, or cannot be unpacked."""
    packed = request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
    if packed not in ("identity", "gzip", ""):
        raise Refused(415, "unsupported_encoding", "Send the body as it is, or with Content-Encoding: gzip.")
    raw = _received(request, most + 1)
    if packed == "gzip":
        raw = _unpacked(raw, most)
    if len(raw) > most:
        raise _too_large(most)
    return raw


def _received(request: HttpRequest, most: int) -> bytes:
    """At most so many bytes of the body. What is over it is read too, to some end, or its sender never hears why."""
    try:
        raw: bytes = request.read(most)
        left = LARGEST_HEARD if len(raw) == most else 0
        while left > 0 and (chunk := request.read(min(left, CHUNK))):
            left -= len(chunk)
    except UnreadablePostError:
        raise Refused(400, "malformed", "The body ended early.") from None
    return raw


def opened(raw: bytes) -> tuple[bytes, Envelope]:
    """The body with halves of characters mended, and its envelope; Refused if it is not a JSON object."""
    try:
        return raw, _decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    raw = tracking.mended(raw)
    try:
        return raw, _decode(raw)
    except UnicodeDecodeError as problem:
        raise Refused(400, "malformed", f"The body is not UTF-8 (byte {problem.start}).") from problem
    except RecursionError as problem:
        raise Refused(400, "malformed", "The JSON is nested too deeply.") from problem
    except msgspec.ValidationError as problem:
        raise Refused(400, "malformed", f"The body has not the shape of a tracking call: {problem}.") from problem
    except (msgspec.MsgspecError, ValueError) as problem:
        raise Refused(400, "malformed", f"The body is not JSON: {problem}.") from problem


def _unpacked(raw: bytes, most: int) -> bytes:
    unpacking = zlib.decompressobj(_GZIP)
    try:
        content = unpacking.decompress(raw, most + 1)
    except zlib.error:
        raise Refused(400, "malformed", "The body is not gzip, though its Content-Encoding says so.") from None
    if len(content) <= most and not unpacking.eof:
        raise Refused(400, "malformed", "The gzip body ended early.")
    return content


def _too_large(most: int) -> Refused:
    return Refused(413, "too_large", f"The body is larger than {most // 1024} KB.")
