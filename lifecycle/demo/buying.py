"""From a talk to a purchase, and what customers do: use it, upgrade, buy more, leave. Pure: acts with times."""

from datetime import datetime, timedelta

from lifecycle.demo.acts import Decide, Planned, Tell
from lifecycle.demo.company import ADD_ON, SCALE, SITE, STARTER, TEAM, Plan
from lifecycle.demo.people import Person


def book(person: Person, at: datetime) -> list[Planned]:
    """A time for a demo, a few working days ahead."""
    if person.has_met or person.has_bought:
        return []
    person.has_met = True
    starts = person.at_work(at + timedelta(days=person.random.uniform(1, 6)))
    starts = starts.replace(minute=30 if starts.minute >= 30 else 0, second=0, microsecond=0)
    booked = {"event_name": "Brightquay demo, 30 minutes", "at": starts.isoformat(), "source": "booking page"}
    return [(at, Tell("meeting.booked", booked)), (starts, Decide(meet))]


def meet(person: Person, now: datetime) -> list[Planned]:
    """Held, mostly; else called off the day before, or nobody comes."""
    if person.may(0.1):
        person.has_met = False
        canceled = Tell("meeting.canceled", {"reason": "Something came up"})
        return [(now, canceled)] + (book(person, now + timedelta(hours=3)) if person.may(0.45) else [])
    if person.may(0.09):
        return [(now + timedelta(minutes=15), Tell("meeting.no_show"))]
    held = now + timedelta(minutes=30)
    answer = person.at_work(held + timedelta(days=person.random.uniform(1, 15)))
    return [(held, Tell("meeting.held", {"minutes": 30})), (answer, Decide(answer_the_offer))]


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
    bought = purchase(person, plan)
    acts: list[Planned] = [
        (at, bought),
        (at + timedelta(seconds=20), Tell("subscription.started", {"plan": plan.name, "amount": plan.price})),
        (person.at_work(at + timedelta(days=random.uniform(0.5, 6))), Tell("page.viewed", {"url": f"{SITE}/help"})),
    ]
    if person.may(0.05):
        back = {"order_id": bought.properties["order_id"], "amount": plan.price, "currency": "EUR"}
        acts.append((person.at_work(at + timedelta(days=random.uniform(2, 13))), Tell("purchase.refunded", back)))
    if person.may(0.16):
        acts.append((person.at_work(at + timedelta(days=random.uniform(1, 12))), purchase(person, ADD_ON)))
    if person.is_technical and person.may(0.3):
        acts.append((person.at_work(at + timedelta(days=random.uniform(3, 30))), Decide(hit_the_limit)))
    if person.may(0.12):
        acts.append((person.at_work(at + timedelta(days=random.uniform(12, 50))), upgrade(plan)))
    if person.may(0.09):
        acts += leave(person, plan, person.at_work(at + timedelta(days=random.uniform(14, 40))))
    return acts


def purchase(person: Person, plan: Plan) -> Tell:
    person.done.add(f"bought {plan.name}")
    order = f"BQ-{person.number:05d}-{len(person.done)}"
    bought = {"order_id": order, "product": f"Brightquay {plan.name}", "amount": plan.price, "currency": "EUR"}
    return Tell("purchase.completed", bought)


def upgrade(plan: Plan) -> Tell:
    return Tell("plan.upgraded", {"from": plan.name, "to": (SCALE if plan is TEAM else TEAM).name})


def leave(person: Person, plan: Plan, at: datetime) -> list[Planned]:
    """The subscription is canceled, and lapses with the month that was paid."""
    lapses = at + timedelta(days=person.random.uniform(5, 25))
    return [
        (at, Tell("subscription.canceled", {"plan": plan.name})),
        (lapses, Tell("subscription.lapsed", {"plan": plan.name})),
    ]
