"""Events about purchases, subscriptions and bills, each once: written with the facts, in their transaction."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from leads import log
from leads.log import NewEvent

LONGEST_KEY = 200
# The sender's clock may be a little ahead of ours.
AHEAD = timedelta(minutes=1)


def tell(
    lead_id: int, kind: str, properties: Mapping[str, Any], *, provider: str, key: str, at: datetime, now: datetime
) -> bool:
    """Record an event of a person unless it is in the log; whether it is new. It never lies far in the future."""
    event = NewEvent(
        lead_id,
        kind,
        dict(properties),
        occurred_at=min(at, now + AHEAD),
        source=provider,
        key=f"{kind}:{key}"[-LONGEST_KEY:],
    )
    return bool(log.write([event], now=now, pending=True))


def iso(moment: datetime | None) -> str:
    """A time as events have it, "" for none."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
