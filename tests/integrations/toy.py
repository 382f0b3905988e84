"""A sender of the tests' own: hex HMAC over `time.body`, and handlers that do what a test asks of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from leads.log import NewEvent, write
from leads.models import Event
from lifecycle.integrations import registry, signatures
from lifecycle.integrations.contract import Call, Delivery, Envelope, Handler, Outcome, Parked, Refused
from lifecycle.integrations.people import lead_for

SECRET = "a-secret-of-the-toy"
TOLERANCE = timedelta(minutes=3)
NO_SIGNATURE = "There is no Toy-Signature."


def sign(body: bytes, secret: str, at: datetime) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    return {"toy-signature": f"t={stamp},v1={signatures.hex_digest(secret, stamp.encode() + b'.' + body)}"}


def met(delivery: Delivery, now: datetime) -> Outcome:
    """Somebody met us: a lead and an event."""
    person = lead_for(delivery.payload["email"], first_name="Toy", source="toy", now=now)
    event = NewEvent(person.lead_id, "toy.met", {"place": "here"}, source="toy", key=str(delivery.payload["id"]))
    write([event], now=now, pending=True)
    return Outcome("met", [person.lead_id], settles=[f"met:{delivery.payload['id']}"])


def left(delivery: Delivery, now: datetime) -> Outcome:
    """They left; whoever leaves came first."""
    known = NewEvent(None, "toy.met", source="toy", key=str(delivery.payload["of"]))
    if not is_known(known) and not delivery.is_last_try:
        raise Parked(f"met:{delivery.payload['of']}", why="nobody came yet")
    return Outcome("left after coming" if is_known(known) else "left without coming")


def is_known(event: NewEvent) -> bool:
    return Event.objects.filter(source=event.source, key=event.key).exists()


class Toy:
    """`handlers` is a dict, so that a test may put in its own."""

    slug = "toy"
    title = "The toy"

    def __init__(self) -> None:
        self.valid: list[str] = [SECRET]
        self.handlers: dict[str, Handler] = {"met": Handler(met), "left": Handler(left)}

    def secrets(self) -> Sequence[str]:
        return self.valid

    def verify(self, call: Call, secrets: Sequence[str]) -> None:
        given = dict(part.split("=", 1) for part in call.headers.get("toy-signature", "").split(",") if "=" in part)
        if "v1" not in given:
            raise Refused(401, "no_signature", NO_SIGNATURE)
        if not signatures.is_signed(given["t"].encode() + b"." + call.body, [given["v1"]], secrets):
            raise Refused(401, "bad_signature", "The signature is not ours.")
        signatures.check_age(given["t"], at=call.received_at, tolerance=TOLERANCE)

    def read(self, call: Call, payload: Mapping[str, Any]) -> Envelope:
        return Envelope(str(payload["id"]), payload["kind"], email=payload.get("email", ""))

    def answer(self, call: Call, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return {"pong": payload["ping"]} if "ping" in payload else None

    def on(self, kind: str, handle: Callable[[Delivery, datetime], Outcome], **more: Any) -> None:
        self.handlers[kind] = Handler(handle, **more)


@contextmanager
def registered() -> Iterator[Toy]:
    toy = Toy()
    registry.register(toy)
    try:
        yield toy
    finally:
        registry._providers.pop(toy.slug)


@contextmanager
def valid(toy: Toy, secrets: Sequence[str]) -> Iterator[None]:
    before, toy.valid = toy.valid, list(secrets)
    yield
    toy.valid = before
