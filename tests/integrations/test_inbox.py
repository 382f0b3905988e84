"""The inbox as a sender and a colleague see it: stored once, carried out once, in any order, whatever fails."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from leads.models import Event, Lead
from lifecycle.core import sql
from lifecycle.integrations import handling, inbound
from lifecycle.integrations.contract import Delivery, Outcome, Unfetched
from lifecycle.integrations.models import InboxEvent, RefusedCall
from tests.factories import NOON
from tests.integrations.senders import send
from tests.integrations.toy import SECRET, Toy, sign

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


def post(client: Client, body: object, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return send(client, "/webhooks/toy/", raw, {**sign(raw, SECRET, NOON), **headers})


def met(number: int = 1, email: str = "ada@acme.com") -> dict[str, Any]:
    return {"id": number, "kind": "met", "email": email}


def test_an_event_is_stored_carried_out_and_answered(client: Client, toy: Toy) -> None:
    answer = post(client, met())
    row = InboxEvent.objects.get()
    assert (answer.status_code, answer.json()) == (200, {"status": "stored"})
    assert (row.provider, row.key, row.kind, row.state, row.outcome) == ("toy", "1", "met", "done", "met")
    assert (row.attempts, row.copies, row.closed_at, bytes(row.body)) == (1, 1, NOON, json.dumps(met()).encode())
    lead = Lead.objects.get()
    assert (lead.email, lead.first_name, row.lead) == ("ada@acme.com", "Toy", lead)
    assert row.address_hash == lead.address_hash


def test_a_copy_is_counted_and_does_nothing(client: Client, toy: Toy) -> None:
    answers = [post(client, met()) for _ in range(3)]
    assert [answer.json()["status"] for answer in answers] == ["stored", "duplicate", "duplicate"]
    assert {answer.status_code for answer in answers} == {200}
    assert InboxEvent.objects.get().copies == 3
    assert Event.objects.filter(kind="toy.met").count() == 1


def test_a_kind_that_means_nothing_is_kept(client: Client, toy: Toy) -> None:
    answer = post(client, {"id": 9, "kind": "sneezed"})
    row = InboxEvent.objects.get()
    assert (answer.status_code, answer.json()) == (200, {"status": "ignored"})
    assert (row.state, row.outcome) == ("ignored", "ignored: sneezed means nothing here")
    assert post(client, {"id": 9, "kind": "sneezed"}).json() == {"status": "duplicate"}  # as of any other


def test_a_call_that_is_no_event_is_answered_at_once(client: Client, toy: Toy) -> None:
    assert post(client, {"ping": "x"}).json() == {"pong": "x"}
    assert not InboxEvent.objects.exists()


class Failing:
    """A handler that fails so many times before it does what it should."""

    def __init__(self, times: int, error: Exception | None = None) -> None:
        self.left, self.calls, self.error = times, 0, error or RuntimeError("of ada@acme.com")

    def __call__(self, delivery: Delivery, now: datetime) -> Outcome:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        return Outcome("at last")


def test_a_handler_that_fails_is_never_the_senders_trouble(
    client: Client, toy: Toy, caplog: pytest.LogCaptureFixture
) -> None:
    toy.on("met", Failing(1))
    answer = post(client, met())
    row = InboxEvent.objects.get()
    assert (answer.status_code, row.state, row.outcome) == (200, "waiting", "Failed: RuntimeError, attempt 1")
    assert row.due_at == NOON + timedelta(seconds=10)
    assert "RuntimeError: of ada@acme.com" in row.error
    assert "ada@acme.com" not in caplog.text
    assert inbound.sweep(now=NOON + timedelta(seconds=9)) == 0
    assert inbound.sweep(now=NOON + timedelta(seconds=10)) == 1
    row.refresh_from_db()
    assert (row.state, row.outcome, row.error, row.attempts) == ("done", "at last", "", 2)


def test_what_a_handler_wrote_before_it_failed_is_not_there(client: Client, toy: Toy) -> None:
    calls = []

    def half(delivery: Delivery, now: datetime) -> Outcome:
        calls.append(delivery.id)
        Lead.objects.create(email="half@acme.com", email_normal="half@acme.com", stage_since=now, created_at=now)
        raise ValueError

    toy.on("met", half)
    post(client, met())
    assert calls
    assert not Lead.objects.exists()


def test_after_five_failures_it_is_dead_and_a_person_replays_it(client: Client, toy: Toy) -> None:
    failing = Failing(5)
    toy.on("met", failing)
    post(client, met())
    for hours in range(1, 9):
        inbound.sweep(now=NOON + timedelta(hours=hours))
    row = InboxEvent.objects.get()
    assert (row.state, row.attempts, failing.calls) == ("dead", 5, 5)
    assert row.outcome == "Given up: RuntimeError, attempt 5"


def test_an_event_that_kills_its_worker_ends_too(client: Client, toy: Toy) -> None:
    """The attempt is counted before the work, so five workers at most go down with it."""
    inbox_id = waiting()
    for _ in range(5):
        assert handling.claim(now=NOON) is not None  # and then the worker dies
        assert handling.claim(now=NOON) is None  # as long as its lease runs, nobody else takes it
        expire_leases()
    inbound.sweep(now=NOON)
    row = InboxEvent.objects.get(pk=inbox_id)
    assert (row.state, row.attempts) == ("dead", 5)
    assert row.outcome == "Its worker went away each time it was tried."


def test_a_worker_that_was_away_too_long_changes_nothing(client: Client, toy: Toy) -> None:
    waiting()
    slow = handling.claim(now=NOON)
    assert slow
    expire_leases()
    quick = handling.claim(now=NOON)
    assert quick
    assert handling.work(quick, now=NOON).state == "done"
    assert handling.work(slow, now=NOON).state == "taken"
    assert InboxEvent.objects.get().attempts == 2


def test_an_event_whose_parent_is_unknown_waits_for_it(client: Client, toy: Toy) -> None:
    post(client, {"id": "l1", "kind": "left", "of": 1})
    row = InboxEvent.objects.get()
    assert (row.state, row.waits_for, row.outcome) == ("parked", "met:1", "nobody came yet")
    post(client, met(1))
    row.refresh_from_db()
    assert (row.state, row.outcome, row.waits_for) == ("done", "left after coming", "")


def test_a_parent_that_never_comes_is_done_without(client: Client, toy: Toy) -> None:
    post(client, {"id": "l1", "kind": "left", "of": 1})
    row = InboxEvent.objects.get()
    inbound.sweep(now=NOON + handling.RECHECK)
    row.refresh_from_db()
    assert (row.state, row.due_at) == ("parked", NOON + timedelta(hours=1))
    inbound.sweep(now=NOON + timedelta(minutes=59))
    row.refresh_from_db()
    assert row.state == "parked"
    inbound.sweep(now=NOON + timedelta(hours=1))
    row.refresh_from_db()
    assert (row.state, row.outcome) == ("done", "left without coming")


def test_a_long_pause_of_the_workers_still_gives_the_last_try(client: Client, toy: Toy) -> None:
    post(client, {"id": "l1", "kind": "left", "of": 1})
    inbound.sweep(now=NOON + timedelta(days=1))
    assert InboxEvent.objects.get().outcome == "left without coming"


def test_what_must_be_fetched_is_left_to_a_worker(client: Client, toy: Toy) -> None:
    toy.on("met", lambda delivery, now: Outcome(f"brought {delivery.fetched}"), fetch=lambda delivery: "tea")
    answer = post(client, met())
    row = InboxEvent.objects.get()
    assert (answer.status_code, row.state, row.attempts) == (200, "waiting", 0)
    inbound.sweep(now=NOON)
    row.refresh_from_db()
    assert (row.state, row.outcome, row.attempts) == ("done", "brought tea", 1)


def test_a_fetch_that_fails_is_tried_for_longer_than_a_bug(client: Client, toy: Toy) -> None:
    def fetch(delivery: Delivery) -> str:
        raise Unfetched("The other side does not answer.")

    toy.on("met", lambda delivery, now: Outcome("never"), fetch=fetch)
    post(client, met())
    for hours in range(8):
        inbound.sweep(now=NOON + timedelta(hours=hours))
    row = InboxEvent.objects.get()
    assert (row.state, row.outcome.startswith("Failed: Unfetched")) == ("waiting", True)
    for days in range(1, 9):
        inbound.sweep(now=NOON + timedelta(days=days))
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("dead", 12)


def test_a_worker_that_goes_away_after_many_fetches_does_not_end_them(client: Client, toy: Toy) -> None:
    def fetch(delivery: Delivery) -> str:
        raise Unfetched("The other side does not answer.")

    toy.on("met", lambda delivery, now: Outcome("never"), fetch=fetch)
    post(client, met())
    for days in range(7):
        inbound.sweep(now=NOON + timedelta(days=days))
    assert handling.claim(now=NOON + timedelta(days=8)) is not None  # and its worker is killed
    InboxEvent.objects.update(lease_until=NOON - timedelta(days=1000))
    inbound.sweep(now=NOON + timedelta(days=9))
    row = InboxEvent.objects.get()
    assert (row.state, row.attempts) == ("waiting", 9)


def test_a_sweep_costs_the_same_for_each_event(
    client: Client, toy: Toy, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    toy.on("met", lambda delivery, now: Outcome("nothing"))
    for number in range(5):
        waiting(number)
    # bury · 5 × (savepoints, claim, savepoints, close) · the claim that finds nothing
    with django_assert_num_queries(1 + 5 * (3 + 3) + 3):
        assert inbound.sweep(now=NOON) == 5
    with django_assert_num_queries(1 + 3):
        assert inbound.sweep(now=NOON) == 0


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"id": 1, "kind": "met"', "not JSON"),
        (b'{"id": 1, "kind": "m\xff"}', "not UTF-8 (byte 20)"),
        (b"[1, 2]", "not a JSON object"),
        (b"", "not JSON"),
        (b'{"id": NaN, "kind": "met"}', "a number cannot be read"),
        (b'{"id": %s, "kind": "met"}' % (b"9" * 6000), "a number cannot be read"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b'{"kind": "met"}', "not what The toy sends"),
    ],
)
def test_a_body_that_is_no_event_is_refused(client: Client, toy: Toy, body: bytes, says: str) -> None:
    answer = post(client, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")
    assert says in answer.json()["error"]["message"]
    assert set(answer.json()["error"]) == {"code", "message", "fields"}
    assert not InboxEvent.objects.exists()


def test_characters_that_the_database_cannot_hold_do_no_harm(client: Client, toy: Toy) -> None:
    raw = b'{"id": "a\\u0000b\\ud800", "kind": "met", "email": "ada@acme.com"}'
    assert post(client, raw).status_code == 200
    assert InboxEvent.objects.get().state == "done"


def test_refused_calls_are_counted_by_the_hour(client: Client, toy: Toy) -> None:
    for _ in range(3):
        client.post("/webhooks/toy/", b"{}", content_type="application/json")
    row = RefusedCall.objects.get()
    assert (row.provider, row.code, row.times, row.hour) == ("toy", "no_signature", 3, NOON.replace(minute=0))


def test_a_database_that_is_away_is_said_so(client: Client, toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object) -> None:
        raise OperationalError("of a password")

    monkeypatch.setattr(sql, "fetch", away)
    answer = post(client, met())
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert answer["retry-after"] == "5"
    assert "password" not in answer.content.decode()


def test_only_posts_to_senders_that_exist(client: Client, toy: Toy) -> None:
    assert client.get("/webhooks/toy/").status_code == 405
    assert client.get("/webhooks/toy/")["allow"] == "POST"
    assert client.post("/webhooks/nobody/", b"{}", content_type="application/json").status_code == 404
    assert post(client, met()).status_code == 200
    raw = json.dumps(met(2)).encode()
    assert send(client, "/webhooks/toy", raw, sign(raw, SECRET, NOON)).status_code == 200  # without the slash


def test_a_locked_installation_fetches_nothing(
    client: Client, toy: Toy, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecycle.core.gate._objections", [lambda now: "a copy"])
    toy.on("met", lambda delivery, now: Outcome("fetched"), fetch=lambda delivery: "tea")
    post(client, met())
    inbound.sweep(now=NOON)
    row = InboxEvent.objects.get()
    assert (row.state, row.attempts, row.due_at) == ("waiting", 0, NOON + handling.LOCKED)


def waiting(number: int = 1) -> int:
    """An event that a door stored and then could not carry out."""
    made = InboxEvent.objects.create(
        provider="toy",
        key=str(number),
        kind="met",
        body=json.dumps(met(number)).encode(),
        received_at=NOON,
        due_at=NOON,
    )
    return int(made.pk)


def expire_leases() -> None:
    sql.execute("UPDATE integrations_inboxevent SET lease_until = clock_timestamp() - interval '1 second'")
