"""The body of a webhook: bounded, and a JSON object or refused with the reason. Pure."""

import json
from typing import Any, NoReturn

from lifecycle.core import sql
from lifecycle.integrations.contract import Refused

LARGEST = 1024 * 1024


def check_size(body: bytes) -> None:
    """Refused when it is over 1 MiB, whatever its Content-Length said."""
    if len(body) > LARGEST:
        raise Refused(413, "too_large", f"The body is larger than {LARGEST // 1024} KB.")


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object, without the characters that PostgreSQL cannot hold; Refused if it is anything else."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise _malformed(f"The body is not UTF-8 (byte {problem.start}).") from None
    try:
        found = json.loads(text, parse_constant=_no_number)
        found = sql.storable(found) if "\\u" in text or "\0" in text else found
    except RecursionError:
        raise _malformed("The JSON is nested too deeply.") from None
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno}, column {problem.colno}"
        raise _malformed(f"The body is not JSON: {problem.msg.rstrip(':')} ({where}).") from None
    except ValueError:  # a number of thousands of digits, or one that is none
        raise _malformed("The body is not JSON: a number cannot be read.") from None
    if not isinstance(found, dict):
        raise _malformed("The body is not a JSON object.")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _malformed(message: str) -> Refused:
    return Refused(400, "malformed", message)
