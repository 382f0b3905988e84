"""Instants as events and other systems write them: ISO 8601, in UTC where they name no zone."""

from datetime import UTC, datetime

YEARS = range(1970, 3000)


def iso(moment: datetime | None) -> str:
    """An instant to the second, as events have it: 2026-11-24T10:00:00Z; "" for none."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def read(value: object) -> datetime | None:
    """The instant that a text names, in the zone it names; None for what is no text or does not read."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def plausible(moment: datetime | None) -> datetime | None:
    """In UTC, None for what no fact of ours can be of: a row with a time that Python cannot hold stops all readers."""
    try:
        at = moment.astimezone(UTC) if moment else None
    except OverflowError:
        return None
    return at if at and at.year in YEARS else None
