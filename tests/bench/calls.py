"""Tracking calls as SDKs write them, ready to be sent."""

import base64
import json
from collections.abc import Iterator
from typing import Any

PAGE = {
    "path": "/features/reports",
    "referrer": "https://www.google.com/",
    "search": "?utm_source=google&utm_medium=cpc&utm_campaign=spring",
    "title": "Reports that explain themselves",
    "url": "https://www.example.com/features/reports?utm_source=google&utm_medium=cpc&utm_campaign=spring",
}
CONTEXT = {
    "campaign": {"source": "google", "medium": "cpc", "name": "spring"},
    "library": {"name": "analytics.js", "version": "npm:next-1.81.0"},
    "locale": "en-GB",
    "page": PAGE,
    "timezone": "Europe/Berlin",
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
}
USERS = 500
AT, SENT_AT = "2026-03-10T12:00:00.123Z", "2026-03-10T12:00:01.456Z"


def bodies(whose: str, batch: int, count: int, label: str) -> list[bytes]:
    """`count` calls in batches, or each by itself; of known users, or page views of browsers that are often new."""
    calls = list(_calls(whose, count, label))
    if batch == 1:
        return [_json(call) for call in calls]
    parts = (calls[start : start + batch] for start in range(0, count, batch))
    return [_json({"batch": part, "sentAt": SENT_AT}) for part in parts]


def headers(key: str) -> dict[str, str]:
    basic = base64.b64encode(f"{key}:".encode()).decode()
    return {"Content-Type": "application/json", "Authorization": f"Basic {basic}"}


def _json(value: dict[str, Any]) -> bytes:
    """As JavaScript writes it, without spaces."""
    return json.dumps(value, separators=(",", ":")).encode()


def _calls(whose: str, count: int, label: str) -> Iterator[dict[str, Any]]:
    for number in range(count):
        around = {
            "messageId": f"ajs-next-{label}-{number}",
            "timestamp": AT,
            "context": CONTEXT,
        }
        if whose == "known":
            properties = {"plan": "pro", "seats": number % 40, "feature": "reports", "source": "menu"}
            user = f"user-{number % USERS + 1}"
            yield {"type": "track", "event": "Feature Used", "userId": user, "properties": properties, **around}
        else:
            browser = f"{label}-{number // 10}"
            yield {"type": "page", "name": "Reports", "anonymousId": browser, "properties": PAGE, **around}
