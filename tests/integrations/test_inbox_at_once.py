"""The same webhook many times at the same moment, workers side by side, and events that meet each other."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

import pytest
from django.db import connections
from django.test import Client

from leads.models import Event, Lead, PendingEvent
from lifecycle.core import clock
from lifecycle.integrations import handling, inbound
from lifecycle.integrations.contract import Delivery, Outcome, Parked
from lifecycle.integrations.models import InboxEvent
from tests.integrations.senders import send
from tests.integrations.toy import SECRET, Toy, sign
from tests.integrations.toy import met as meet

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")


def at_once(count: int, act: Callable[[int], T], *, width: int = 25) -> list[T]:
    """`act` in so many threads, which begin together and leave no connection."""
    gate = threading.Barrier(min(count, width))

    def one(number: int) -> T:
        if number < width:
            gate.wait(30)
        try:
            return act(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(width) as pool:
        return list(pool.map(one, range(count)))


def post(body: dict[str, Any]) -> Any:
    raw = json.dumps(body).encode()
    return send(Client(), "/webhooks/toy/", raw, sign(raw, SECRET, clock.now()))


def test_fifty_copies_at_once_are_one_event(toy: Toy) -> None:
    """Promise 2: one effect, all 2xx."""
    answers = at_once(50, lambda number: post({"id": 1, "kind": "met", "email": "ada@acme.com"}))
    assert {answer.status_code for answer in answers} == {200}
    assert Counter(answer.json()["status"] for answer in answers) == {"stored": 1, "duplicate": 49}
    row = InboxEvent.objects.get()
    assert (row.state, row.copies, row.attempts) == ("done", 50, 1)
    assert (Lead.objects.count(), Event.objects.filter(kind="toy.met").count()) == (1, 1)
    assert not PendingEvent.objects.exists()


def test_a_copy_answers_when_the_first_is_done(toy: Toy) -> None:
    """Whoever is told 2xx may rely on what it brought, whichever of the copies they hear of."""
    inside, go_on = threading.Event(), threading.Event()

    def slowly(delivery: Delivery, now: datetime) -> Outcome:
        inside.set()
        go_on.wait(30)
        return meet(delivery, now)

    toy.on("met", slowly)
    body = {"id": 1, "kind": "met", "email": "ada@acme.com"}
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: (post(body), connections.close_all())[0])
        inside.wait(30)
        second = pool.submit(lambda: (post(body), connections.close_all())[0])
        assert not second.done()
        go_on.set()
        assert (first.result(30).status_code, second.result(30).status_code) == (200, 200)
    assert Event.objects.filter(kind="toy.met").count() == 1


def test_workers_share_a_backlog(toy: Toy) -> None:
    now = clock.now()
    InboxEvent.objects.bulk_create(
        InboxEvent(
            provider="toy",
            key=str(number),
            kind="met",
            body=json.dumps({"id": number, "kind": "met", "email": f"p{number % 7}@acme.com"}).encode(),
            received_at=now,
            due_at=now,
        )
        for number in range(60)
    )
    assert sum(at_once(4, lambda _: inbound.sweep(now=now), width=4)) == 60
    assert set(InboxEvent.objects.values_list("state", "attempts")) == {("done", 1)}
    assert (Lead.objects.count(), Event.objects.filter(kind="toy.met").count()) == (7, 60)


def test_a_parent_that_comes_while_its_child_is_parked_is_not_missed(toy: Toy) -> None:
    """The child looked before the parent was there, and parks after the parent woke nobody."""
    looked, go_on = threading.Event(), threading.Event()

    def look(delivery: Delivery, now: datetime) -> Outcome:
        if Event.objects.filter(kind="toy.met").exists():
            return Outcome("left after coming")
        looked.set()
        go_on.wait(30)
        raise Parked("met:1", why="nobody came yet")

    toy.on("left", look)
    with ThreadPoolExecutor(1) as pool:
        child = pool.submit(lambda: (post({"id": "l", "kind": "left", "of": 1}), connections.close_all())[0])
        looked.wait(30)
        assert post({"id": 1, "kind": "met", "email": "ada@acme.com"}).status_code == 200
        go_on.set()
        assert child.result(30).status_code == 200
    assert InboxEvent.objects.get(key="l").state == "parked"
    inbound.sweep(now=clock.now() + handling.RECHECK)
    assert InboxEvent.objects.get(key="l").outcome == "left after coming"
