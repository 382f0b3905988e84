"""When a crontab comes round. Pure: its fields as celery reads them, on the clock of its own zone.

Celery's arithmetic asks the real clock and only looks ahead; here time is an argument, and an outage needs the last
moment that passed. A wall time that a DST gap skips is the gap's end; one that a fold repeats happens at its first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from celery.schedules import ParseException, crontab

from campaigns.engine import windows

# No crontab that ever comes round needs longer: 29 February on a given weekday returns after 40 years at most.
FARTHEST_DAYS = 41 * 366
# The offset of a zone never jumps by more than that.
JUMP = timedelta(hours=3)
DAY = timedelta(days=1)


class CrontabError(ValueError):
    """The fields are no crontab; the text says why."""


class Crontab(Protocol):
    """A row of django-celery-beat's CrontabSchedule."""

    minute: str
    hour: str
    day_of_week: str
    day_of_month: str
    month_of_year: str
    timezone: object


@dataclass(frozen=True, slots=True)
class Recurrence:
    """`times`: hours and minutes of a day, in order. Sunday is weekday 0, as in crontabs."""

    times: tuple[time, ...]
    weekdays: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    zone: str

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        """The last moment in (after, until], None if there is none."""
        day = _local_day(until, self.zone)
        first = _local_day(after, self.zone)
        while day >= first:
            for moment in self._on(day, reverse=True, at_most=until):
                if moment <= after:
                    return None
                if moment <= until:
                    return moment
            day -= DAY
        return None

    def next(self, after: datetime) -> datetime | None:
        """The first moment after `after`; None for a crontab that never comes round, like 30 February."""
        day = _local_day(after, self.zone)
        for _ in range(FARTHEST_DAYS):
            if self._is_day(day):
                found = next((moment for moment in self._on(day) if moment > after), None)
                if found is not None:
                    return found
            day += DAY
        return None

    def count(self, after: datetime, until: datetime, *, most: int = 100) -> int:
        """How many moments lie in (after, until], counted up to `most`."""
        found, at = 0, self.next(after)
        while at is not None and at <= until and found < most:
            found, at = found + 1, self.next(at)
        return found

    def _is_day(self, day: date) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays

    def _on(self, day: date, *, reverse: bool = False, at_most: datetime | None = None) -> Iterator[datetime]:
        """The moments of one day in order; those well after `at_most` are not even worked out."""
        if not self._is_day(day):
            return
        zone = ZoneInfo(self.zone)
        horizon = (at_most.astimezone(zone) + JUMP).replace(tzinfo=None) if at_most else None
        for at in reversed(self.times) if reverse else self.times:
            wall = datetime.combine(day, at)
            if horizon is None or wall <= horizon:
                yield windows.instant_of(wall, zone)


def read(row: Crontab) -> Recurrence:
    """The recurrence of a crontab row. Raises CrontabError."""
    try:
        fields = crontab(
            minute=row.minute,
            hour=row.hour,
            day_of_week=row.day_of_week,
            day_of_month=row.day_of_month,
            month_of_year=row.month_of_year,
        )
    except (ParseException, ValueError) as error:
        raise CrontabError(str(error)) from error
    return Recurrence(
        times=tuple(time(hour, minute) for hour in sorted(fields.hour) for minute in sorted(fields.minute)),
        weekdays=frozenset(fields.day_of_week),
        days=frozenset(fields.day_of_month),
        months=frozenset(fields.month_of_year),
        zone=str(row.timezone),
    )


def _local_day(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()
