"""Stripe as the tests need it: purchases told by its events, in both shapes of its API, signed as it signs."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import stripe
from django.http import HttpResponse
from django.test import Client

DOOR = "/webhooks/stripe/"
SECRET = "whsec_of_the_tests"
OLD, NEW = "2024-06-20", "2025-09-30.clover"
MONTH = timedelta(days=30)

Event = dict[str, Any]


def sign(body: bytes, secret: str, at: datetime) -> dict[str, str]:
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, int(at.timestamp()))
    return {"Stripe-Signature": header}


def post(client: Client, event: Event, *, at: datetime, secret: str = SECRET) -> HttpResponse:
    raw = json.dumps(event).encode()
    return client.post(DOOR, raw, content_type="application/json", headers=sign(raw, secret, at))


def event(kind: str, found: dict[str, Any], at: datetime, *, version: str = OLD, **previous: Any) -> Event:
    data = {"object": found, **({"previous_attributes": previous} if previous else {})}
    return {
        "id": f"evt_{uuid4().hex[:24]}",
        "object": "event",
        "api_version": version,
        "created": seconds(at),
        "data": data,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }


def seconds(at: datetime | None) -> int | None:
    return int(at.astimezone(UTC).timestamp()) if at else None


@dataclass
class Order:
    """Something that a person buys once. Each method makes the event that tells of it."""

    email: str
    at: datetime
    amount: int = 9900
    currency: str = "eur"
    metadata: dict[str, str] = field(default_factory=lambda: {"product": "Starter plan", "sku": "SKU-1"})
    version: str = OLD
    customer: str | None = None
    name: str | None = "Ada Ash"
    id: str = field(default_factory=lambda: uuid4().hex[:14])

    def event(self, kind: str, found: dict[str, Any], at: datetime | None = None, **previous: Any) -> Event:
        return event(kind, found, at or self.at, version=self.version, **previous)

    def session(self, **changed: Any) -> dict[str, Any]:
        return {
            "id": f"cs_test_{self.id}",
            "object": "checkout.session",
            "amount_subtotal": self.amount,
            "amount_total": self.amount,
            "client_reference_id": None,
            "currency": self.currency,
            "customer": self.customer,
            "customer_details": {"email": self.email, "name": self.name, "phone": None, "address": {"country": "DE"}},
            "customer_email": None,
            "invoice": None,
            "livemode": False,
            "metadata": self.metadata,
            "mode": "payment",
            "payment_intent": f"pi_{self.id}",
            "payment_status": "paid",
            "status": "complete",
            "subscription": None,
        } | changed

    def checkout(self, kind: str = "checkout.session.completed", **changed: Any) -> Event:
        return self.event(kind, self.session(**changed))

    def charge(self, *, refunded: int = 0) -> dict[str, Any]:
        found = {
            "id": f"ch_{self.id}",
            "object": "charge",
            "amount": self.amount,
            "amount_captured": self.amount,
            "amount_refunded": refunded,
            "billing_details": {"email": self.email, "name": self.name, "phone": None, "address": None},
            "created": seconds(self.at),
            "currency": self.currency,
            "customer": self.customer,
            "metadata": {},
            "paid": True,
            "payment_intent": f"pi_{self.id}",
            "receipt_email": None,
            "refunded": refunded >= self.amount,
            "status": "succeeded",
        }
        return found | ({"invoice": None} if self.version == OLD else {})

    def charged(self) -> Event:
        return self.event("charge.succeeded", self.charge())

    def intended(self) -> Event:
        found = {
            "id": f"pi_{self.id}",
            "object": "payment_intent",
            "amount": self.amount,
            "amount_received": self.amount,
            "created": seconds(self.at),
            "currency": self.currency,
            "customer": self.customer,
            "latest_charge": f"ch_{self.id}",
            "metadata": {},
            "receipt_email": None,
            "status": "succeeded",
        }
        return self.event("payment_intent.succeeded", found)

    def refunded(self, amount: int | None = None, *, total: int | None = None, at: datetime | None = None) -> Event:
        """The charge with its new total."""
        so_far = total if total is not None else amount or self.amount
        found = self.charge(refunded=so_far)
        return self.event("charge.refunded", found, at or self.at + timedelta(hours=1), amount_refunded=0)

    def refund(
        self,
        amount: int | None = None,
        *,
        id: str = "1",
        status: str = "succeeded",
        at: datetime | None = None,
        kind: str = "",
        told_at: datetime | None = None,
    ) -> Event:
        """The refund itself, made at `at`."""
        when = at or self.at + timedelta(hours=1)
        found = {
            "id": f"re_{self.id}{id}",
            "object": "refund",
            "amount": amount or self.amount,
            "charge": f"ch_{self.id}",
            "created": seconds(when),
            "currency": self.currency,
            "metadata": {},
            "payment_intent": f"pi_{self.id}",
            "status": status,
        }
        usual = "refund.created" if status == "succeeded" else "refund.updated"
        return self.event(kind or usual, found, told_at or when)


@dataclass
class Plan(Order):
    """A subscription, from its checkout on. `month`: the how manieth bill an event is about, 0 is the first."""

    amount: int = 2900
    metadata: dict[str, str] = field(default_factory=dict)
    product: str = "Pro plan"
    interval: str = "month"
    interval_count: int = 1
    period: timedelta = MONTH

    def __post_init__(self) -> None:
        self.customer = self.customer or f"cus_{self.id}"

    @property
    def reference(self) -> str:
        return f"sub_{self.id}"

    def end(self, month: int = 0) -> datetime:
        return self.at + self.period * (month + 1)

    def checkout(self, kind: str = "checkout.session.completed", **changed: Any) -> Event:
        own = {
            "mode": "subscription",
            "subscription": self.reference,
            "invoice": f"in_{self.id}0",
            "payment_intent": None,
        }
        return super().checkout(kind, **own | changed)

    def price(self) -> dict[str, Any]:
        recurring = {"interval": self.interval, "interval_count": self.interval_count}
        return {
            "id": f"price_{self.id}",
            "object": "price",
            "currency": self.currency,
            "lookup_key": None,
            "metadata": {},
            "nickname": None,
            "product": f"prod_{self.id}",
            "recurring": recurring,
            "unit_amount": self.amount,
        }

    def subscription(self, *, month: int = 0, status: str = "active", **changed: Any) -> dict[str, Any]:
        ends = {"current_period_start": seconds(self.end(month - 1)), "current_period_end": seconds(self.end(month))}
        item = {"id": f"si_{self.id}", "object": "subscription_item", "price": self.price(), "quantity": 1}
        found = {
            "id": self.reference,
            "object": "subscription",
            "cancel_at": None,
            "cancel_at_period_end": False,
            "canceled_at": None,
            "created": seconds(self.at),
            "currency": self.currency,
            "customer": self.customer,
            "ended_at": None,
            "items": {"object": "list", "data": [item | (ends if self.version == NEW else {})]},
            "latest_invoice": f"in_{self.id}{month}",
            "metadata": {},
            "start_date": seconds(self.at),
            "status": status,
            "trial_end": None,
        }
        return found | (ends if self.version == OLD else {}) | changed

    def told(self, verb: str = "created", at: datetime | None = None, **changed: Any) -> Event:
        return self.event(f"customer.subscription.{verb}", self.subscription(**changed), at)

    def deleted(self, at: datetime) -> Event:
        ended = {"status": "canceled", "ended_at": seconds(at), "canceled_at": seconds(at)}
        return self.event("customer.subscription.deleted", self.subscription() | ended, at)

    def invoice(self, *, month: int = 0, **changed: Any) -> dict[str, Any]:
        at = self.end(month - 1)
        period = {"start": seconds(at), "end": seconds(self.end(month))}
        line = {
            "id": f"il_{self.id}{month}",
            "object": "line_item",
            "amount": self.amount,
            "currency": self.currency,
            "description": f"1 × {self.product} (at €29.00 / {self.interval})",
            "metadata": {},
            "period": period,
            "quantity": 1,
        }
        found = {
            "id": f"in_{self.id}{month}",
            "object": "invoice",
            "amount_due": self.amount,
            "amount_paid": self.amount,
            "attempt_count": 1,
            "billing_reason": "subscription_cycle" if month else "subscription_create",
            "created": seconds(at),
            "currency": self.currency,
            "customer": self.customer,
            "customer_email": self.email,
            "customer_name": self.name,
            "hosted_invoice_url": f"https://invoice.stripe.com/i/{self.id}{month}",
            "metadata": {},
            "next_payment_attempt": None,
            "status": "paid",
            "status_transitions": {"paid_at": seconds(at)},
            "total": self.amount,
        }
        if self.version == OLD:
            line |= {"price": self.price(), "subscription": self.reference}
            payment = {"payment_intent": f"pi_{self.id}{month or ''}", "charge": f"ch_{self.id}{month or ''}"}
            found |= {"subscription": self.reference, **payment}
        else:
            details = {"price": f"price_{self.id}", "product": f"prod_{self.id}"}
            line["pricing"] = {"type": "price_details", "price_details": details, "unit_amount_decimal": "2900"}
            line["parent"] = {
                "type": "subscription_item_details",
                "subscription_item_details": {"subscription": self.reference},
            }
            of = {"subscription": self.reference, "metadata": {}}
            found["parent"] = {"type": "subscription_details", "subscription_details": of}
        return found | {"lines": {"object": "list", "data": [line]}} | changed

    def paid(self, month: int = 0, kind: str = "invoice.paid", at: datetime | None = None) -> Event:
        return self.event(kind, self.invoice(month=month), at or self.end(month - 1))

    def failed(self, month: int, *, attempt: int = 1, next_at: datetime | None = None, at: datetime) -> Event:
        unpaid = {
            "amount_paid": 0,
            "attempt_count": attempt,
            "next_payment_attempt": seconds(next_at),
            "status": "open",
            "status_transitions": {"paid_at": None},
        }
        return self.event("invoice.payment_failed", self.invoice(month=month, **unpaid), at)

    def linked(self, month: int = 0) -> Event:
        """The newer shape's link between a bill and its payment."""
        found = {
            "id": f"inpay_{self.id}{month}",
            "object": "invoice_payment",
            "invoice": f"in_{self.id}{month}",
            "payment": {"type": "payment_intent", "payment_intent": f"pi_{self.id}{month or ''}"},
            "status": "paid",
        }
        return self.event("invoice_payment.paid", found)
