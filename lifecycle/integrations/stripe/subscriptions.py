"""Subscriptions as Stripe tells them."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from lifecycle.customers import subscribing
from lifecycle.customers.products import Item
from lifecycle.customers.subscribing import State, Told
from lifecycle.integrations.contract import Delivery, Outcome
from lifecycle.integrations.stripe import fetching, people, reading, waiting
from lifecycle.integrations.stripe.people import SLUG
from lifecycle.integrations.stripe.reading import Object, moment, part, ref, rows, text

STATES = {
    "trialing": State.TRIAL,
    "active": State.ACTIVE,
    "past_due": State.PAST_DUE,
    "unpaid": State.PAST_DUE,
    "paused": State.PAST_DUE,  # a trial that ended without a way to pay
    "canceled": State.ENDED,
}
MONTHS = {"month": 1, "year": 12}
DELETED = "customer.subscription.deleted"
TRIAL = "customer.subscription.trial_will_end"


def handle(delivery: Delivery, now: datetime) -> Outcome:
    subscription = part(delivery.payload["data"]["object"])
    state = State.ENDED if delivery.kind == DELETED else STATES.get(text(subscription.get("status")))
    if state is None or not ref(subscription):
        return Outcome("It has not begun: its first bill is not paid.", is_ignored=True)
    lead_id = people.find(subscription, delivery, now=now)
    if lead_id is None:
        return Outcome("Nobody knows whose subscription it is: no address came with it.", is_ignored=True)
    row = subscribing.record(told(subscription, delivery, state, lead_id, now), now=now)
    if delivery.kind == TRIAL:
        subscribing.trial_ends(row, at=delivery.occurred_at or now, now=now)
    text_ = f"Subscription {row.reference}: {row.get_state_display().lower()}."
    return Outcome(text_, [row.lead_id], [waiting.name(people.customer_of(subscription))])


def fetch(delivery: Delivery) -> Mapping[str, Any]:
    """Who it is, and what the products are called: the event holds their ids alone."""
    subscription = part(delivery.payload["data"]["object"])
    return {**people.fetch(subscription), "products": fetching.products(_unnamed(subscription))}


def needs_fetch(delivery: Delivery) -> bool:
    subscription = part(delivery.payload["data"]["object"])
    return fetching.may_ask() and (people.is_unknown(subscription) or bool(_unnamed(subscription)))


def told(subscription: Object, delivery: Delivery, state: str, lead_id: int, now: datetime) -> Told:
    """What the event says."""
    at = delivery.occurred_at or now
    ends_at = _ends_at(subscription)
    ended_at = None
    if state == State.ENDED:
        ended_at = moment(subscription.get("ended_at")) or moment(subscription.get("canceled_at")) or at
    items = rows(subscription.get("items"))
    amount, currency = worth(items, reading.currency(subscription.get("currency")))
    return Told(
        SLUG,
        ref(subscription),
        lead_id,
        state,
        at,
        moment(subscription.get("start_date")) or moment(subscription.get("created")) or at,
        items=name(subscription, part(part(delivery.fetched).get("products"))),
        amount=amount,
        currency=currency,
        interval_months=min((months for item in items if (months := _months(item))), default=0),
        trial_ends_at=moment(subscription.get("trial_end")),
        renews_at=None if ends_at or ended_at or is_on_hold(subscription) else period_end(subscription),
        ends_at=ended_at or ends_at,
        ended_at=ended_at,
        is_first=delivery.kind == "customer.subscription.created",
        resumes=delivery.kind == "customer.subscription.resumed",
    )


def period_end(subscription: Object) -> datetime | None:
    """On the subscription, or on its items: then the first that ends."""
    own = moment(subscription.get("current_period_end"))
    ends = [at for item in rows(subscription.get("items")) if (at := moment(item.get("current_period_end")))]
    return own or min(ends, default=None)


def is_on_hold(subscription: Object) -> bool:
    """Whether the end of its period takes no money: collecting is paused, and is not to go on before."""
    pause, ends = part(subscription.get("pause_collection")), period_end(subscription)
    goes_on = moment(pause.get("resumes_at"))
    return bool(pause) and (goes_on is None or ends is None or goes_on > ends)


def worth(items: list[Object], currency: str) -> tuple[Decimal | None, str]:
    """What one period costs: None where it depends on use."""
    total: Decimal | None = Decimal(0)
    for item in items:
        price = _price(item)
        currency = currency or reading.currency(price.get("currency"))
        unit = reading.amount(price.get("unit_amount", price.get("amount")), currency)
        quantity = reading.whole(item.get("quantity"))
        total = None if unit is None or total is None else total + unit * (1 if quantity is None else quantity)
    return (total if items else None), currency


def name(subscription: Object, products: Object) -> tuple[Item, ...]:
    """What is subscribed to: by the products' names, the prices' nicknames, or what the merchant wrote on it."""
    given = reading.metadata(subscription)
    own = reading.item_of_metadata(given, None)
    found = []
    for item in rows(subscription.get("items")):
        price = dict(_price(item))
        if isinstance(price.get("product"), str):
            price["product"] = products.get(price["product"]) or price["product"]
        quantity = max(1, reading.whole(item.get("quantity")) or 1)
        (line,) = reading.items_of_lines([{"price": price, "quantity": quantity, "metadata": item.get("metadata")}])
        found.append(line)
    if own and own.name and len(found) < 2 and not any(item.name for item in found):
        references = (*(found[0].references if found else ()), *own.references)
        return (Item(own.name, references, found[0].quantity if found else own.quantity),)
    return tuple(found)


def _price(item: Object) -> Object:
    return part(item.get("price")) or part(item.get("plan"))


def _months(item: Object) -> int:
    price = _price(item)
    recurring = part(price.get("recurring")) or price
    count = reading.whole(recurring.get("interval_count")) or 1
    return MONTHS.get(text(recurring.get("interval")), 0) * count


def _ends_at(subscription: Object) -> datetime | None:
    """When it will end, if that is settled."""
    at = moment(subscription.get("cancel_at"))
    return at or (period_end(subscription) if subscription.get("cancel_at_period_end") is True else None)


def _unnamed(subscription: Object) -> list[str]:
    if any(item.name for item in name(subscription, {})):
        return []
    found = (_price(item).get("product") for item in rows(subscription.get("items")))
    return list(dict.fromkeys(each for each in found if isinstance(each, str) and each))
