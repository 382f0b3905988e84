"""What a customer pays, as the payment processor tells of it: Stripe's events in their present shape. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lifecycle.demo.company import Plan

MONTH = timedelta(days=30)
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Contract:
    """A plan that somebody subscribed to, paid by the month. Methods make the events that tell of it."""

    number: int
    email: str
    name: str
    plan: Plan
    since: datetime

    def begun(self) -> list[Object]:
        """The checkout, the subscription and its first bill: three tellings of one payment."""
        session = {
            "id": f"cs_{self._id}",
            "object": "checkout.session",
            "mode": "subscription",
            "status": "complete",
            "payment_status": "paid",
            "amount_total": self._cents,
            "currency": "eur",
            "customer": self._customer,
            "customer_details": {"email": self.email, "name": self.name},
            "subscription": self._subscription,
            "invoice": self._invoice(0),
            "metadata": {},
        }
        told = self.told("customer.subscription.created", self.since)
        return [event("checkout.session.completed", session, self.since), told, self.paid(0, self.since)]

    def told(self, kind: str, at: datetime, *, month: int = 0, **changed: Any) -> Object:
        since, until = _seconds(self.end(month - 1)), _seconds(self.end(month))
        period = {"current_period_start": since, "current_period_end": until}
        price = {
            "id": f"price_{self.plan.name.lower()}",
            "object": "price",
            "currency": "eur",
            "unit_amount": self._cents,
            "product": f"prod_{self.plan.name.lower()}",
            "nickname": f"Brightquay {self.plan.name}",
            "recurring": {"interval": "month", "interval_count": 1},
        }
        item = {"id": f"si_{self._id}", "object": "subscription_item", "price": price, "quantity": 1, **period}
        found = {
            "id": self._subscription,
            "object": "subscription",
            "status": "active",
            "customer": self._customer,
            "currency": "eur",
            "created": _seconds(self.since),
            "start_date": _seconds(self.since),
            "cancel_at_period_end": False,
            "cancel_at": None,
            "ended_at": None,
            "items": {"object": "list", "data": [item]},
            "metadata": {},
        }
        return event(kind, found | changed, at)

    def ended(self, month: int) -> Object:
        at = self.end(month)
        gone = {"status": "canceled", "ended_at": _seconds(at), "canceled_at": _seconds(at)}
        return self.told("customer.subscription.deleted", at, month=month, **gone)

    def paid(self, month: int, at: datetime) -> Object:
        return event("invoice.paid", self._bill(month, status="paid", amount_paid=self._cents), at)

    def failed(self, month: int, at: datetime) -> Object:
        again = _seconds(at + timedelta(days=3))
        unpaid = self._bill(month, status="open", amount_paid=0, attempt_count=1, next_payment_attempt=again)
        return event("invoice.payment_failed", unpaid, at)

    def refunded(self, at: datetime) -> Object:
        """The first month's money went back."""
        refund = {
            "id": f"re_{self._id}",
            "object": "refund",
            "amount": self._cents,
            "currency": "eur",
            "payment_intent": f"pi_{self._id}0",
            "charge": None,
            "created": _seconds(at),
            "status": "succeeded",
            "metadata": {},
        }
        return event("refund.created", refund, at)

    def bought(self, plan: Plan, at: datetime) -> Object:
        """Something beside the subscription, paid once in the checkout."""
        session = {
            "id": f"cs_{self._id}x",
            "object": "checkout.session",
            "mode": "payment",
            "status": "complete",
            "payment_status": "paid",
            "amount_total": plan.price * 100,
            "currency": "eur",
            "customer": self._customer,
            "customer_details": {"email": self.email, "name": self.name},
            "payment_intent": f"pi_{self._id}x",
            "subscription": None,
            "invoice": None,
            "metadata": {"product": f"Brightquay {plan.name}", "sku": plan.name},
        }
        return event("checkout.session.completed", session, at)

    def end(self, month: int) -> datetime:
        """When the paid month of that number is over; the first is 0."""
        return self.since + MONTH * (month + 1)

    def _bill(self, month: int, **how: Any) -> Object:
        line = {
            "id": f"il_{self._id}{month}",
            "object": "line_item",
            "amount": self._cents,
            "currency": "eur",
            "quantity": 1,
            "description": f"1 × Brightquay {self.plan.name} (at €{self.plan.price}.00 / month)",
            "period": {"start": _seconds(self.end(month - 1)), "end": _seconds(self.end(month))},
        }
        of = {"subscription": self._subscription, "metadata": {}}
        payment = {"type": "payment_intent", "payment_intent": f"pi_{self._id}{month}"}
        return {
            "id": self._invoice(month),
            "object": "invoice",
            "billing_reason": "subscription_cycle" if month else "subscription_create",
            "amount_due": self._cents,
            "total": self._cents,
            "currency": "eur",
            "customer": self._customer,
            "customer_email": self.email,
            "customer_name": self.name,
            "created": _seconds(self.end(month - 1)),
            "hosted_invoice_url": f"https://pay.brightquay.example/{self._invoice(month)}",
            "lines": {"object": "list", "data": [line]},
            "payments": {"object": "list", "data": [{"payment": payment}]},
            "parent": {"type": "subscription_details", "subscription_details": of},
            "metadata": {},
            **how,
        }

    @property
    def _id(self) -> str:
        return f"bq{self.number:05}"

    @property
    def _customer(self) -> str:
        return f"cus_{self._id}"

    @property
    def _subscription(self) -> str:
        return f"sub_{self._id}"

    @property
    def _cents(self) -> int:
        return self.plan.price * 100

    def _invoice(self, month: int) -> str:
        return f"in_{self._id}{month}"


def event(kind: str, found: Object, at: datetime) -> Object:
    name = f"evt_{kind.replace('.', '_')}_{found['id']}_{_seconds(at)}"
    return {
        "id": name,
        "object": "event",
        "api_version": "2025-09-30.clover",
        "created": _seconds(at),
        "type": kind,
        "livemode": False,
        "data": {"object": found},
    }


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
