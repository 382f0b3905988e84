"""Ninety days, tick by tick: people act at the doors in order of time, the engine runs, mail arrives, they react."""

import heapq
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from itertools import count

from leads.pipeline import processed_later
from lifecycle import engine
from lifecycle.core import clock, nudging, sql
from lifecycle.demo import attendance, life
from lifecycle.demo.acts import Act, Call, Decide, Follow, Look, OptOut, Planned, Report, Submit, Tell
from lifecycle.demo.doors import Doors
from lifecycle.demo.inboxes import Inboxes
from lifecycle.demo.people import Person, population
from lifecycle.sales.models import Alert

MAILBOX_DAYS = 3
# UTC. Often on a working day, rarely at night: what is due waits for the next tick.
WORKDAY = (7, 9, 12, 15, 18)
WEEKEND = (12,)
CALLED = {Alert.Kind.HOT: 0.8, Alert.Kind.NOTICE: 0.8, Alert.Kind.SQL: 0.3}
_TOLD = """
    SELECT a.id, a.lead_id, a.kind, u.first_name
    FROM sales_alert a JOIN leads_lead l ON l.id = a.lead_id LEFT JOIN auth_user u ON u.id = l.owner_id
    WHERE a.id > %b ORDER BY a.id
"""


@dataclass(frozen=True)
class Progress:
    """How far it is; `day` of `days` is over."""

    day: int
    days: int
    leads: int
    events: int
    mails: int


class Quarter:
    """`leads` people in the `days` before `until`. The same `seed` and `until` give the same story."""

    def __init__(self, doors: Doors, *, leads: int, days: int, seed: int, until: datetime) -> None:
        self.until = until
        self.days = days
        self.start = until - timedelta(days=days)
        self._doors = doors
        self._people = population(leads, seed=seed, start=self.start, days=days)
        self._by_lead: dict[int, Person] = {}
        self._inboxes = Inboxes(kept_from=until - timedelta(days=MAILBOX_DAYS))
        self._agenda: list[tuple[datetime, int, Person, Act]] = []
        self._numbers = count()
        self._last_alert = 0
        self._events = self._mails = 0

    def live(self) -> Generator[Progress]:
        """All of it; a word after each day. Needs SANDBOX=1. Whoever stops before the end closes it."""
        for person in self._people:
            self._inboxes.add(person)
            self._plan(person, life.arrive(person))
        day = 0
        with ExitStack() as stack:
            set_clock = stack.enter_context(clock.virtual(self.start))
            stack.enter_context(processed_later())
            stack.enter_context(nudging.silent())
            for tick in ticks(self.start, self.until):
                self._act(tick, set_clock)
                set_clock(tick)
                self._run(tick)
                if (tick - self.start).days > day:
                    day = (tick - self.start).days
                    yield self._progress(day)

    def _progress(self, day: int) -> Progress:
        return Progress(day, self.days, len(self._by_lead), self._events, self._mails)

    def _plan(self, person: Person, planned: list[Planned]) -> None:
        for at, act in planned:
            if at <= self.until:
                heapq.heappush(self._agenda, (max(at, self.start), next(self._numbers), person, act))

    def _act(self, tick: datetime, set_clock: "clock.SetClock") -> None:
        while self._agenda and self._agenda[0][0] < tick:
            at, _, person, act = heapq.heappop(self._agenda)
            set_clock(at)
            self._plan(person, self._do(person, act, at))

    def _do(self, person: Person, act: Act, now: datetime) -> list[Planned]:
        """Go to the door; what the person does next because of it."""
        match act:
            case Submit():
                person.lead_id = self._doors.submit(act.form, act.answers)
                self._by_lead[person.lead_id] = person
            case Tell() if person.lead_id:
                self._doors.tell(person.lead_id, act.kind, act.properties)
            case Call():
                self._doors.call(act.sender, act.body, now=now)
            case Look():
                self._doors.look(life.anonymous_id(person), act.url, act.referrer, now=now)
            case Follow():
                landed_at = self._doors.follow(act.path, act.agent)
                return life.landed(person, landed_at, now) if landed_at and act.agent.is_person else []
            case OptOut():
                person.has_opted_out = True
                self._doors.opt_out(act.path)
            case Report():
                self._doors.report(act.message_key, act.kind, person.email, now=now)
            case Decide():
                return act.what(person, now)
        return []

    def _run(self, tick: datetime) -> None:
        done = engine.run(self._inboxes, now=tick)
        self._events += done["events"]
        self._mails += done["sent"]
        for person, mail in self._inboxes.arrived:
            self._plan(person, life.read(person, mail))
        self._inboxes.arrived.clear()
        attendance.take(self._by_lead, now=tick)
        self._ring(tick)

    def _ring(self, tick: datetime) -> None:
        """The reps take up what they were told."""
        for alert_id, lead_id, kind, rep in sql.fetch(_TOLD, [self._last_alert]):
            self._last_alert = alert_id
            person = self._by_lead[lead_id]
            if rep is not None and person.may(CALLED[Alert.Kind(kind)]):
                at = person.at_work(tick + timedelta(minutes=person.random.lognormvariate(3.4, 1.0)))
                self._plan(person, [(at, Decide(partial(life.called, rep=rep)))])


def ticks(start: datetime, until: datetime) -> Iterator[datetime]:
    """When the engine runs; `until` is the last."""
    day = start.date()
    while day <= until.date():
        for hour in WEEKEND if day.weekday() >= 5 else WORKDAY:
            tick = datetime.combine(day, time(hour), tzinfo=start.tzinfo)
            if start < tick < until:
                yield tick
        day += timedelta(days=1)
    yield until
