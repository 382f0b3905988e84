"""How engaged a person is, by what they did themselves and how long ago. Pure.

Most engaged: at least `most_acts` acts in the last `most_days` days. Else the last act counts: engaged while it is less
than `engaged_days` back, quiet while less than `quiet_days`, dormant after that. Who never acted counts from when they
came. (`leads.engagement.looking` says the same in SQL; a property test holds both equal.)
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from leads.models.lead import Tier

# From the lowest to the highest.
LADDER = (Tier.DORMANT.value, Tier.QUIET.value, Tier.ENGAGED.value, Tier.MOST_ENGAGED.value)
DORMANT, QUIET, ENGAGED, MOST_ENGAGED = LADDER


class Thresholds(NamedTuple):
    """As the workspace has them."""

    most_acts: int = 5
    most_days: int = 30
    engaged_days: int = 30
    quiet_days: int = 90

    @property
    def most(self) -> timedelta:
        return timedelta(days=self.most_days)

    @property
    def engaged(self) -> timedelta:
        return timedelta(days=self.engaged_days)

    @property
    def quiet(self) -> timedelta:
        return timedelta(days=self.quiet_days)


class Life(NamedTuple):
    """What the tier hangs on. `nth`: the `most_acts`-th latest act, None if there were not so many."""

    created_at: datetime
    last_act_at: datetime | None = None
    nth: datetime | None = None

    @property
    def since(self) -> datetime:
        """From when quiet is counted."""
        return self.last_act_at or self.created_at


def life(created_at: datetime, last_act_at: datetime | None, acts: Sequence[datetime], thresholds: Thresholds) -> Life:
    """`acts`: the person's acts in any order, at least all those of the last `most_days`."""
    latest = sorted(acts, reverse=True)
    nth = latest[thresholds.most_acts - 1] if len(latest) >= thresholds.most_acts else None
    return Life(created_at, last_act_at, nth)


def tier(person: Life, thresholds: Thresholds, now: datetime) -> str:
    """The tier at `now`."""
    if person.nth is not None and now < person.nth + thresholds.most:
        return MOST_ENGAGED
    if now < person.since + thresholds.engaged:
        return ENGAGED
    return QUIET if now < person.since + thresholds.quiet else DORMANT


def due_at(person: Life, thresholds: Thresholds, now: datetime) -> datetime | None:
    """When the person falls next unless they act: after `now`, or never."""
    match tier(person, thresholds, now):
        case Tier.MOST_ENGAGED:
            assert person.nth is not None
            return person.nth + thresholds.most
        case Tier.ENGAGED:
            return person.since + thresholds.engaged
        case Tier.QUIET:
            return person.since + thresholds.quiet
    return None


def began_at(person: Life, thresholds: Thresholds, now: datetime) -> datetime:
    """Since when the person has been in their tier, as far as the last act tells: for whom nobody ever looked at."""
    match tier(person, thresholds, now):
        case Tier.DORMANT:
            return person.since + thresholds.quiet
        case Tier.QUIET:
            return person.since + thresholds.engaged
    return min(person.since, now)


def is_higher(one: str, other: str) -> bool:
    return LADDER.index(one) > LADDER.index(other)
