"""What a mail server's 4xx answer asks for: how long to wait, and whether it means one address or the whole account.

SMTP has no Retry-After, so it stands in the text: "450 4.7.1 rate limit exceeded, try again in 5 minutes". Pure.
"""

import re
from typing import NamedTuple

from campaigns.sending.delivery.contract import DEFAULT_WAIT

_UNITS = {"": 1, "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600}
_TIME = re.compile(
    r"(?:retry[- ]after|(?:try again|retry|come back|wait)(?: in| after| for| at least)*)\W{0,3}(\d+)\s*([a-z]*)", re.I
)
_CLOSING = re.compile(r"(?:^|no session: )421\b")
_OF_THE_ACCOUNT = re.compile(r"\brate\b|limit exceeded|throttl|too many|too fast", re.I)
_OF_ONE_ADDRESS = re.compile(r"gr[ae]y-?list|\b4\.[12]\.\d", re.I)  # 4.1.x: the address, 4.2.x: its mailbox


class Wait(NamedTuple):
    """`seconds` is None when nobody named a time: the back-off decides."""

    seconds: float | None
    blocks_account: bool


def asked(answer: str) -> Wait:
    """`answer`: the code and the text, or a trouble with the connection that quotes them."""
    named = _named(answer)
    if _CLOSING.search(answer):
        return Wait(DEFAULT_WAIT if named is None else named, True)
    if re.match(r"45\d\b", answer) and _OF_THE_ACCOUNT.search(answer) and not _OF_ONE_ADDRESS.search(answer):
        return Wait(DEFAULT_WAIT if named is None else named, True)
    return Wait(named if re.match(r"4\d\d\b", answer) else None, False)


def _named(answer: str) -> float | None:
    found = _TIME.search(answer)
    if not found:
        return None
    unit = _UNITS.get(found[2].lower().rstrip("s") if len(found[2]) > 1 else found[2].lower())
    return float(found[1]) * unit if unit else None
