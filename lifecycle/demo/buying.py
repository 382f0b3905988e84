"""From a talk to a purchase, and what customers do: use it, upgrade, buy more, leave. Pure: acts with times."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from lifecycle.demo import calendar
from lifecycle.demo.acts import Call, Decide, Planned, Tell
from lifecycle.demo.billing import Contract
from lifecycle.demo.calendar import Booking
from lifecycle.demo.company import ADD_ON, SCALE, SITE, STARTER, TEAM, Plan
from lifecycle.demo.people import Person

CALENDAR, PAYMENTS = "calendly", "stripe"
# Bills of the months after the first, as far as a quarter goes.
MONTHS = 3


def book(person: Person, at: datetime) -> list[Planned]:
    """A time for a demo, a few working days ahead."""
    if person.has_met or person.has_bought:
        return []
    person.has_met = True
    booking = Booking(
        number=person.number,
        turn=person.bookings,
        email=person.email,
        name=f"{person.first_name} {person.last_name}",
        zone=person.country.zone,
        starts_at=_free(person, at + timedelta(days=person.random.uniform(1, 6))),
        booked_at=at,
    )
    person.bookings += 1
    return [(at, _calendar("invitee.created", booking, at)), *_before(person, booking)]


def _before(person: Person, booking: Booking) -> list[Planned]:
    """It comes to the meeting, unless it is called off or moved the evening before."""
    eve = max(booking.booked_at + timedelta(hours=2), booking.starts_at - timedelta(hours=18))
    if eve < booking.starts_at and person.may(0.2):
        return [(eve, Decide(partial(change, booking=booking)))]
    return [(booking.starts_at, Decide(partial(meet, booking=booking)))]


def change(person: Person, now: datetime, *, booking: Booking) -> list[Planned]:
    """Moved to another time, or called off; some of those pick a time again."""
    if person.may(0.5):
        later = replace(
            booking,
            turn=person.bookings,
            starts_at=_free(person, booking.starts_at + timedelta(days=person.random.uniform(1, 5))),
            booked_at=now,
            replaces=booking.turn,
        )
        person.bookings += 1
        before = replace(booking, replaced_by=later.turn)
        told = [_calendar("invitee.created", later, now), _calendar("invitee.canceled", before, now)]
        return [*((now, call) for call in told), (later.starts_at, Decide(partial(meet, booking=later)))]
    person.has_met = False
    again = book(person, now + timedelta(hours=3)) if person.may(0.45) else []
    return [(now, _calendar("invitee.canceled", booking, now)), *again]


def meet(person: Person, now: datetime, *, booking: Booking) -> list[Planned]:
    """Held, mostly; some do not come."""
    if person.may(0.09):
        at = now + timedelta(minutes=15)
        return [(at, _calendar("invitee_no_show.created", booking, at))]
    answer = person.at_work(now + timedelta(minutes=30, days=person.random.uniform(1, 15)))
    return [(answer, Decide(answer_the_offer))]


def _free(person: Person, moment: datetime) -> datetime:
    """The half hour of a working day that is free then."""
    at = person.at_work(moment)
    return at.replace(minute=30 if at.minute >= 30 else 0, second=0, microsecond=0)


def _calendar(kind: str, booking: Booking, at: datetime) -> Call:
    return Call(CALENDAR, calendar.call(kind, booking, at))


def answer_the_offer(person: Person, now: datetime) -> list[Planned]:
    if person.has_bought:
        return []
    if person.may(0.12 + 0.95 * person.drive):
        plan = plan_for(person)
        won: list[Planned] = [(now, Tell("deal.won", {"plan": plan.name, "amount": plan.price * 12}))]
        return won + buy(person, plan, now + timedelta(minutes=4))
    if person.may(0.5):
        reason = person.random.choice(["No budget this year", "Went with another tool", "Not now"])
        return [(now, Tell("deal.lost", {"reason": reason}))]
    return []


def plan_for(person: Person) -> Plan:
    size = person.employer.size if person.employer else 1
    return STARTER if size < 25 else TEAM if size < 400 else SCALE


def try_it(person: Person, now: datetime) -> list[Planned]:
    """An account of one's own; some run into the limits of the API, and some stay and pay."""
    if person.has_account or person.has_bought:
        return []
    person.has_account = True
    random = person.random
    acts: list[Planned] = [
        (now, Tell("account.created", {"plan": "trial"})),
        (now + timedelta(minutes=3), Tell("trial.started", {"days": 14})),
    ]
    if person.is_technical and person.may(0.35):
        acts.append((person.at_work(now + timedelta(days=random.uniform(1, 9))), Decide(hit_the_limit)))
    if person.may(0.06 + 0.7 * person.drive):
        acts.append((person.at_work(now + timedelta(days=random.uniform(5, 14))), Decide(check_out)))
    return acts


def hit_the_limit(person: Person, now: datetime) -> list[Planned]:
    return [(now, Tell("api.rate_limited", {"endpoint": "/v1/runs", "limit": 60}))]


def check_out(person: Person, now: datetime) -> list[Planned]:
    """Buying without talking to anybody: what suits small teams. Nearly half stop half-way."""
    if person.has_bought or "checkout" in person.done:
        return []
    person.done.add("checkout")
    plan = STARTER if plan_for(person) is STARTER or person.may(0.4) else TEAM
    started: list[Planned] = [(now, Tell("checkout.started", {"plan": plan.name, "url": f"{SITE}/checkout"}))]
    if person.may(0.3 + 0.9 * person.drive):
        return started + buy(person, plan, now + timedelta(minutes=4))
    left: list[Planned] = [(now + timedelta(minutes=30), Tell("checkout.abandoned", {"plan": plan.name}))]
    if person.may(0.1 + 0.4 * person.drive):
        person.done.discard("checkout")
        left.append((person.at_work(now + timedelta(days=person.random.uniform(0.2, 3.5))), Decide(check_out)))
    return started + left


def buy(person: Person, plan: Plan, at: datetime) -> list[Planned]:
    if person.has_bought:
        return []
    person.has_bought = person.has_account = True
    random = person.random
    contract = Contract(person.number, person.email, f"{person.first_name} {person.last_name}", plan, at)
    acts: list[Planned] = [(at, Call(PAYMENTS, told)) for told in contract.begun()]
    first_days = person.at_work(at + timedelta(days=random.uniform(0.5, 6)))
    acts.append((first_days, Tell("page.viewed", {"url": f"{SITE}/help"})))
    if person.may(0.05):
        back = at + timedelta(days=random.uniform(2, 13))
        acts.append((back, Call(PAYMENTS, contract.refunded(back))))
    if person.may(0.16):
        more = person.at_work(at + timedelta(days=random.uniform(1, 12)))
        acts.append((more, Call(PAYMENTS, contract.bought(ADD_ON, more))))
    if person.is_technical and person.may(0.3):
        acts.append((person.at_work(at + timedelta(days=random.uniform(3, 30))), Decide(hit_the_limit)))
    if person.may(0.12):
        acts.append((person.at_work(at + timedelta(days=random.uniform(12, 50))), upgrade(plan)))
    months = random.randint(1, 2) if person.may(0.12) else MONTHS
    return acts + go_on(person, contract, months)


def go_on(person: Person, contract: Contract, months: int) -> list[Planned]:
    """Bill after bill; one in twenty fails at first. Who leaves says so some days before the paid time is over."""
    acts: list[Planned] = []
    for month in range(1, months):
        due = contract.end(month - 1)
        if person.may(0.05):
            acts.append((due, Call(PAYMENTS, contract.failed(month, due))))
            due += timedelta(days=3)
        acts.append((due, Call(PAYMENTS, contract.paid(month, due))))
        acts.append((due, Call(PAYMENTS, contract.told("customer.subscription.updated", due, month=month))))
    if months < MONTHS:
        last = months - 1
        notice = contract.end(last) - timedelta(days=person.random.uniform(3, 15))
        ends = int(contract.end(last).timestamp())
        going = contract.told(
            "customer.subscription.updated", notice, month=last, cancel_at_period_end=True, cancel_at=ends
        )
        acts += [(notice, Call(PAYMENTS, going)), (contract.end(last), Call(PAYMENTS, contract.ended(last)))]
    return acts


def upgrade(plan: Plan) -> Tell:
    return Tell("plan.upgraded", {"from": plan.name, "to": (SCALE if plan is TEAM else TEAM).name})
