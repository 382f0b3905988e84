"""Deliveries that come at once, on real connections and real commits."""

import json

import pytest

from leads import identity
from leads.models import Event, Lead, PendingEvent, Visitor
from leads.tracking import Accepted, Delivery, accept
from lifecycle.core.deadlocks import atomic_with_retry
from tests.factories import NOON
from tests.leads.test_concurrency import together

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 12


def delivery(*calls: dict[str, object]) -> Delivery:
    return Delivery([json.dumps(call).encode() for call in calls])


@atomic_with_retry
def take(taken: Delivery) -> Accepted:
    return accept(taken, now=NOON)


def view(browser: str, message_id: str) -> dict[str, object]:
    return {"type": "page", "anonymousId": browser, "messageId": message_id, "properties": {"path": "/"}}


def test_one_delivery_sent_by_eight_at_once_is_one() -> None:
    calls = [view(f"b{n % 9}", f"m{n}") for n in range(60)]
    # Each in another order: whoever locks in the order of the calls would wait for somebody who waits.
    done = together(8, lambda number: take(delivery(*calls[number * 7 :], *calls[: number * 7])))
    assert sum(len(one.event_ids) for one in done) == Event.objects.count() == 60
    assert Visitor.objects.count() == 9


def test_no_view_misses_the_person_whom_its_browser_becomes_meanwhile() -> None:
    def work(number: int) -> None:
        for turn in range(ROUNDS):
            name = f"{number}-{turn}"
            if number % 4:
                take(delivery(*[view(f"b{turn}", f"{name}-{n}") for n in range(5)]))
                continue
            known = {"userId": f"u{turn}", "anonymousId": f"b{turn}", "traits": {"email": f"p{turn}@acme.com"}}
            said = take(delivery({"type": "identify", "messageId": name, **known}))
            identity.identify_at_once(said.asking, now=NOON)

    together(8, work)
    identity.drain(now=NOON)
    assert Lead.objects.count() == ROUNDS
    views = Event.objects.filter(kind="page.viewed")
    assert views.count() == 6 * 5 * ROUNDS
    assert not views.filter(lead=None).exists()
    for turn in range(ROUNDS):
        assert set(views.filter(visitor__anonymous_id=f"b{turn}").values_list("lead__email", flat=True)) == {
            f"p{turn}@acme.com"
        }
    assert PendingEvent.objects.filter(event__in=views).count() == views.count()
