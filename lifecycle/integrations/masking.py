"""Bodies of webhooks for colleagues to read: without what would let them act in somebody's name. Pure."""

import json
import re
from typing import Any

from lifecycle.integrations import bodies
from lifecycle.integrations.contract import Refused

HIDDEN = "••••••"
LONGEST = 100_000
# Links that cancel, move or open a meeting need no login; neither does what is called a token or secret.
_SECRET = re.compile(
    r"(^|_)(token|secret|password|passcode|pwd|api_key|signature)$|^(cancel|reschedule|start)_url$", re.I
)


def pretty(body: bytes) -> str:
    """The body as indented JSON, secrets hidden; bytes that are none as they are."""
    if not body:
        return ""
    try:
        text = json.dumps(masked(bodies.parse(body)), indent=2, ensure_ascii=False)
    except (Refused, RecursionError):
        text = body.decode("utf-8", "replace")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n… {len(text) - LONGEST:,} characters more"


def masked(value: Any) -> Any:
    """The same JSON value with the texts under telling names hidden."""
    if isinstance(value, dict):
        return {name: HIDDEN if part and _SECRET.search(name) else masked(part) for name, part in value.items()}
    if isinstance(value, list):
        return [masked(part) for part in value]
    return value
