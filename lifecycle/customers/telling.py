"""Events about purchases, subscriptions and bills, each once: written with the facts, in their transaction."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from leads import log
from leads.log import NewEvent

LONGEST_KEY = 200
# The sender's clock may be a little ahead of ours.
AHEAD = timedelta(minutes=1)
ALMOST_A_SECOND = timedelta(microseconds=999_999)
# Billing repeats nothing for longer (Stripe keeps events for 30 days): news of before then are wrongly dated.
OLDEST_NEWS = timedelta(days=31)
# Of these it is natural to hear long after.
OLD_NEWS = frozenset({"subscription.started"})


def tell(
    lead_id: int, kind: str, properties: Mapping[str, Any], *, provider: str, key: str, at: datetime, now: datetime
) -> bool:
    """Record an event of a person unless it is in the log; whether it is new."""
    event = NewEvent(
        lead_id,
        kind,
        dict(properties),
        occurred_at=happened(kind, at, now),
        source=provider,
        key=f"{kind}:{key}"[-LONGEST_KEY:],
    )
    return bool(log.write([event], now=now, pending=True))


def happened(kind: str, at: datetime, now: datetime) -> datetime:
    """When something is said to have happened: never far in the future, nor, if it is news, long ago. Pure.

    Billing tells whole seconds. Taken from the second's end, a purchase follows what the person did in that second,
    so that it ends what this began.
    """
    if at > now:
        return min(at, now + AHEAD)
    if at < now - OLDEST_NEWS and kind not in OLD_NEWS:
        return now
    return at if at.microsecond else min(at + ALMOST_A_SECOND, now)
