"""When it happened, by a clock that may be wrong. Pure."""

from datetime import UTC, datetime, timedelta

# A buffer on a phone is weeks old, an import of history years; beyond this the clock is broken.
OLDEST = timedelta(days=3653)
_MILLISECONDS_FROM = 100_000_000_000  # as seconds this would be the year 5138


def moment(value: object) -> datetime | None:
    """A time as clients write it: ISO 8601 (without a zone it is UTC), or seconds or milliseconds since 1970."""
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value.strip())
            return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if abs(value) >= _MILLISECONDS_FROM else value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def occurred(at: object, sent_at: object, *, now: datetime, future: bool = False) -> datetime:
    """When a call's event happened: `now` less the time it waited at the client, by the client's own clock.

    Without `sent_at` the client's clock is believed. What cannot be true (not yet, or ten years ago) happened now;
    `future` allows what is not yet, for sandboxes.
    """
    happened, sent = moment(at), moment(sent_at)
    if happened is None:
        return now
    waited = (now if sent is None else sent) - happened
    if waited > OLDEST or waited < (-OLDEST if future else timedelta(0)):
        return now
    return now - waited
