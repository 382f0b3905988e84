"""Who there is: people with a name, an employer, a way to us, and what nobody sees: how well we suit them, and how much
they want it. Pure: the same seed makes the same people."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import Enum
from random import Random
from typing import TypeVar
from zoneinfo import ZoneInfo

from lifecycle.demo import names
from lifecycle.demo.company import SOURCES, Source
from lifecycle.demo.names import Country

T = TypeVar("T")

# (employees from, to, share, how well we suit such a company)
SIZES = ((1, 9, 26, 0.25), (10, 49, 32, 0.65), (50, 500, 28, 1.0), (501, 6000, 14, 0.6))
SHARE_WITHOUT_COMPANY = 0.16
PEOPLE_A_COMPANY = 2.6
# Monday to Sunday; mornings and early afternoons, on the person's own clock.
WEEK = (1.0, 1.15, 1.1, 1.05, 0.8, 0.16, 0.14)
HOURS = {7: 3, 8: 8, 9: 12, 10: 13, 11: 11, 12: 7, 13: 9, 14: 11, 15: 10, 16: 7, 17: 4, 18: 3, 20: 3, 21: 2}


class Inbox(Enum):
    """What reads the mail besides the person."""

    PLAIN = "plain"
    IMAGES_OFF = "images off"
    APPLE = "Apple's proxy fetches every image"
    SCANNED = "a scanner follows every link first"
    DEAD = "there is no such address"


INBOXES = ((Inbox.PLAIN, 34), (Inbox.IMAGES_OFF, 58), (Inbox.APPLE, 5), (Inbox.SCANNED, 2), (Inbox.DEAD, 1))


@dataclass(frozen=True, slots=True)
class Employer:
    name: str
    domain: str
    size: int
    suits: float
    country: Country
    sort: str  # the organisation type as our forms call it
    inbox: Inbox


@dataclass(slots=True)
class Person:
    """`interest` and `suits` lie in 0 … 1. `random` is the person's own, so that nobody's day changes another's."""

    number: int
    first_name: str
    last_name: str
    email: str
    job_title: str
    employer: Employer | None
    country: Country
    source: Source
    arrives: datetime
    interest: float
    suits: float
    is_technical: bool
    inbox: Inbox
    random: Random
    lead_id: int = 0
    bookings: int = 0
    has_met: bool = False
    has_bought: bool = False
    has_account: bool = False
    has_opted_out: bool = False
    done: set[str] = field(default_factory=set)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.country.zone)

    @property
    def drive(self) -> float:
        """How likely something comes of it: wanting it counts, and more so where it suits."""
        return self.interest * (0.25 + 0.75 * self.suits)

    def may(self, chance: float) -> bool:
        return self.random.random() < chance

    def at_work(self, moment: datetime) -> datetime:
        """The moment itself, or the next morning at work if it falls into the night or, mostly, a weekend."""
        local = moment.astimezone(self.zone)
        while local.hour < 7 or local.hour >= 22 or (local.weekday() >= 5 and not self.may(0.25)):
            days = 1 if local.hour >= 7 else 0
            local = datetime.combine(
                local.date() + timedelta(days=days), time(8, self.random.randrange(60)), tzinfo=self.zone
            )
        return local.astimezone(moment.tzinfo)


def population(count: int, *, seed: int, start: datetime, days: int) -> list[Person]:
    """So many people, who arrive in the `days` from `start` on."""
    random = Random(f"{seed}/population")
    employers = _employers(random, max(8, int(count / PEOPLE_A_COMPANY)))
    arrivals = _arrivals(random, count, start, days)
    return [_person(number, Random(f"{seed}/{number}"), employers, at) for number, at in enumerate(arrivals)]


def pick(random: Random, choices: Sequence[tuple[T, float]]) -> T:
    return random.choices([choice for choice, _ in choices], [weight for _, weight in choices])[0]


def _employers(random: Random, count: int) -> list[Employer]:
    found: dict[str, Employer] = {}
    while len(found) < count:
        name, domain = names.company(random)
        low, high, _, suits = random.choices(SIZES, [share for _, _, share, _ in SIZES])[0]
        size = int(math.exp(random.uniform(math.log(low), math.log(high))))
        country, sort = pick(random, names.COUNTRIES), pick(random, names.SORTS)
        inbox = Inbox.SCANNED if random.random() < (0.06 if size > 50 else 0.01) else Inbox.PLAIN
        found.setdefault(domain, Employer(name, domain, size, suits, country, sort, inbox))
    return list(found.values())


def _arrivals(random: Random, count: int, start: datetime, days: int) -> list[datetime]:
    """Weekdays over weekends, three busy weeks of campaigns, and a little growth from the first day to the last."""
    dates = [start + timedelta(days=day) for day in range(days)]
    busy = {int(days * part) + offset for part in (0.22, 0.52, 0.8) for offset in range(4)}
    weights = [
        WEEK[date.weekday()] * (0.8 + 0.4 * day / days) * (1.7 if day in busy else 1.0)
        for day, date in enumerate(dates)
    ]
    found = []
    for date in random.choices(dates, weights, k=count):
        hour = random.choices(list(HOURS), list(HOURS.values()))[0]
        # Shortly before the hour, with which the engine of the demo mostly ticks: few wait long for their first mail.
        minute = random.randrange(46, 60)
        found.append(date.replace(hour=hour, minute=minute, second=random.randrange(60), microsecond=0))
    return sorted(found)


def _person(number: int, random: Random, employers: list[Employer], arrives: datetime) -> Person:
    employer = None if random.random() < SHARE_WITHOUT_COMPANY else random.choice(employers)
    country = employer.country if employer else pick(random, names.COUNTRIES)
    first, last = names.person(random, country)
    title, rank, is_technical = pick(random, names.TITLES if employer else names.TITLES_OF_PRIVATE_PEOPLE)
    source = pick(random, [(each, each.share) for each in SOURCES])
    own = pick(random, INBOXES)
    inbox = employer.inbox if employer and own is not Inbox.DEAD and employer.inbox is Inbox.SCANNED else own
    return Person(
        number=number,
        first_name=first,
        last_name=last,
        email=names.address(first, last, number, employer.domain if employer else None),
        job_title=title,
        employer=employer,
        country=country,
        source=source,
        arrives=arrives.replace(tzinfo=ZoneInfo(country.zone)).astimezone(UTC),
        interest=min(1.0, random.betavariate(0.9, 3.4) + source.interest * random.random()),
        suits=(employer.suits * 0.6 + rank * 0.4) if employer else 0.08,
        is_technical=is_technical,
        inbox=inbox,
        random=random,
    )
