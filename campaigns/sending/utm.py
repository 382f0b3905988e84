"""UTM values on the links of our own mail, so that the website's analytics and our touches tell the same. Pure."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from leads.sessions import MEDIUM, SOURCE

Values = Mapping[str, str]


def values(source: Mapping[str, Any], *, campaign: str, content: str) -> dict[str, str]:
    """What a mail's links carry: none if its version (as it was written) does not want any, or is older than the wish.

    `campaign`: the slug of its sequence or broadcast, unless the mail names one; `content`: the step, else the mail.
    """
    if not source.get("adds_utm"):
        return {}
    named = {"campaign": source.get("utm_campaign") or campaign, "content": content}
    given = {"source": SOURCE, "medium": MEDIUM, **named}
    return {f"utm_{part}": str(value) for part, value in given.items() if value}


def added(url: str, given: Values) -> str:
    """The address with those of the values that it does not have yet; everything else in it stays as it was written."""
    if not given:
        return url
    rest, hash_sign, fragment = url.partition("#")
    address, _, query = rest.partition("?")
    present = {name.lower() for name, _ in parse_qsl(query, keep_blank_values=True)}
    missing = [f"{name}={quote(value, safe='')}" for name, value in given.items() if name not in present]
    if not missing:
        return url
    joined = "&".join([*([query.removesuffix("&")] if query else []), *missing])
    return f"{address}?{joined}{hash_sign}{fragment}"
