"""Bodies without a Content-Length. Django reads only what a length promises, so a chunked body would look empty."""

from collections.abc import Iterable
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PIECE = 64 * 1024
KEPT_IN_MEMORY = 1024 * 1024
# No door takes more; what a stranger may make us put aside has an end.
LARGEST = 64 * 1024 * 1024
TOO_LARGE = b'{"error": {"code": "too_large", "message": "The body is too large.", "fields": {}}}'


def with_length(application: "WSGIApplication") -> "WSGIApplication":
    """The application, handed chunked bodies whole and with their length."""

    def measured(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not _is_chunked(environ):
            return application(environ, start_response)
        with SpooledTemporaryFile(max_size=KEPT_IN_MEMORY) as body:  # every answer is made of it before it is given
            size = _put_aside(environ["wsgi.input"], body)
            if size > LARGEST:
                start_response("413 Content Too Large", [("Content-Type", "application/json"), ("Connection", "close")])
                return [TOO_LARGE]
            body.seek(0)
            return application({**environ, "wsgi.input": body, "CONTENT_LENGTH": str(size)}, start_response)

    return measured


def _is_chunked(environ: "WSGIEnvironment") -> bool:
    return "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower() and not environ.get("CONTENT_LENGTH")


def _put_aside(source: Any, body: IO[bytes]) -> int:
    size = 0
    while size <= LARGEST and (piece := source.read(PIECE)):
        size += body.write(piece)
    return size
