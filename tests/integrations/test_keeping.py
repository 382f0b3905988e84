"""What the inbox forgets, and what it tells the doctor."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from leads import actions
from leads.addresses import address_hash, address_key
from leads.models import Workspace
from lifecycle.core import sql
from lifecycle.core.wellbeing import Level
from lifecycle.integrations import inbound, keeping, naming, refusals, wellbeing
from lifecycle.integrations.contract import Envelope
from lifecycle.integrations.models import InboxEvent, RefusedCall, WebhookSource
from lifecycle.integrations.storing import store
from lifecycle.integrations.wellbeing import Figures, judge
from lifecycle.reports.person import everything_about
from tests.factories import NOON, LeadFactory
from tests.integrations.toy import Toy

pytestmark = pytest.mark.django_db


def told(state: str = "done", *, closed: Any = NOON, **more: Any) -> InboxEvent:
    given = {"provider": "toy", "key": f"k{InboxEvent.objects.count()}", "kind": "met", "body": b'{"a": 1}', **more}
    at = closed if state in ("done", "ignored", "dead") else None
    return InboxEvent.objects.create(received_at=NOON, due_at=NOON, state=state, closed_at=at, **given)


def test_bodies_are_emptied_after_a_while() -> None:
    workspace = Workspace.load()
    old = told(closed=NOON - timedelta(days=workspace.inbox_kept_days, seconds=1), error="of ada@acme.com")
    new, waiting = told(), told("waiting")
    assert keeping.forget_bodies(now=NOON) == 1
    assert keeping.forget_bodies(now=NOON) == 0
    for row in (old, new, waiting):
        row.refresh_from_db()
    assert (bytes(old.body), old.error, old.state, old.key, old.named) == (b"", "", "done", "k0", [])
    assert bytes(new.body) == bytes(waiting.body) == b'{"a": 1}'


def test_a_copy_of_what_was_forgotten_is_still_a_copy(client: Client, toy: Toy) -> None:
    told(key="1", body=b"")
    assert inbound.sweep(now=NOON) == 0


ADA = "ada@acme.com"


def stored(body: object, **given: Any) -> InboxEvent:
    """As a door stores it, never carried out."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    envelope = Envelope(**{"key": f"s{InboxEvent.objects.count()}", "kind": "met", **given})
    return InboxEvent.objects.get(pk=store("toy", raw, envelope, now=NOON)[0])


def is_empty(*rows: InboxEvent) -> list[bool]:
    for row in rows:
        row.refresh_from_db()
    return [bytes(row.body) == b"" for row in rows]


@pytest.mark.parametrize("is_escaped", [True, False])
@pytest.mark.parametrize("is_read", [True, False])
def test_erasing_finds_an_address_of_other_letters_in_a_body(is_escaped: bool, is_read: bool) -> None:
    """Also in what was stored before the inbox noted whom a body names."""
    ada = LeadFactory(email="ada@bücher.example", email_normal="ada@xn--bcher-kva.example")
    keep = (lambda body: stored(body)) if is_read else (lambda body: told(body=body))
    row = keep(json.dumps({"who": "Ada@bücher.example"}, ensure_ascii=is_escaped).encode())
    of_another = keep(json.dumps({"who": "ada@bucher.example"}).encode())
    actions.erase(ada, now=NOON)
    assert is_empty(row, of_another) == [True, False]


def test_erasing_a_person_empties_what_tells_of_them() -> None:
    ada, ben = LeadFactory(email=ADA, email_normal=ADA), LeadFactory()
    by_lead = told(lead=ada, error="of ada@acme.com", named=[])
    by_address = stored({"a": 1}, email=ADA)
    by_words = stored({"who": "see https://acme.com/?u=ADA%40acme.com"})
    of_ben = told(lead=ben, named=[])
    actions.erase(ada, now=NOON)
    assert is_empty(by_lead, by_address, by_words, of_ben) == [True, True, True, False]
    assert (by_lead.error, by_lead.lead, by_address.address_hash, by_words.named) == ("", None, "", [])
    assert (by_address.state, by_address.outcome) == ("ignored", "ignored: the person was erased")
    assert of_ben.lead == ben
    assert inbound.sweep(now=NOON) == 0


def test_erasing_finds_dead_events_that_name_the_person_by_the_senders_id_alone() -> None:
    ada, ben = LeadFactory(email=ADA, email_normal=ADA), LeadFactory()
    stored({"email": ADA, "customer": "c1"}, email=ADA, ids=["c1"])
    dead = stored({"customer": "c1", "name": "Ada Ash"}, ids=["c1"])
    of_ben = stored({"customer": "c1"}, ids=["c1"])
    InboxEvent.objects.filter(pk=of_ben.pk).update(lead=ben)
    of_nobody = stored({"customer": "c2", "name": "Cy"}, ids=["c2"])
    actions.erase(ada, now=NOON)
    assert is_empty(dead, of_ben, of_nobody) == [True, False, False]


def test_a_colleague_whom_many_bodies_name_takes_nobody_elses_with_them() -> None:
    """Erasing the host empties the bodies that name them, not the other events of their guests."""
    host = LeadFactory(email="rep@ours.example", email_normal="rep@ours.example")
    booking = stored({"email": ADA, "host": "rep@ours.example"}, email=ADA, ids=["c1"])
    other = stored({"customer": "c1"}, ids=["c1"])
    actions.erase(host, now=NOON)
    assert is_empty(booking, other) == [True, False]


def test_erasing_finds_the_one_in_a_body_of_thousands() -> None:
    ada = LeadFactory(email=ADA, email_normal=ADA)
    crowd = [f"a{number}@acme.com" for number in range(naming.MOST)]
    of_many, of_others = stored([*crowd, "x", ADA]), stored([*crowd, "b1@acme.com", "b2@acme.com"])
    assert (of_many.named, of_others.named) == ([naming.MANY], [naming.MANY])
    actions.erase(ada, now=NOON)
    assert is_empty(of_many, of_others) == [True, False]


def test_a_senders_key_that_names_somebody_is_kept_as_its_hash() -> None:
    first = stored({}, key="signup:Ada@acme.com")
    assert "acme" not in first.key
    again, is_new = store("toy", b"{}", Envelope("signup:Ada@acme.com", "met"), now=NOON)
    assert (again, is_new) == (first.pk, False)


READ = "SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'integrations_inboxevent'"


def test_erasing_reads_no_more_rows_than_tell_of_the_person(django_assert_max_num_queries: Any) -> None:
    """The lead is locked meanwhile: of ten thousand stored bodies, the three of hers are touched."""
    ada = LeadFactory(email=ADA, email_normal=ADA)
    sql.execute(
        """
        INSERT INTO integrations_inboxevent
            (provider, key, kind, body, received_at, due_at, state, closed_at, named, address_hash)
        SELECT 'toy', 'n' || n, 'met', convert_to('{"email": "p' || n || '@acme.com"}', 'utf8'), %b, %b,
               CASE WHEN mod(n, 100) = 0 THEN 'dead' ELSE 'done' END, %b, ARRAY['h' || n, 'id:' || n], 'h' || n
        FROM generate_series(1, 10000) n
        """,
        [NOON, NOON, NOON],
    )
    rows = [stored({"email": ADA}, email=ADA, ids=["c1"]), stored({"x": {ADA: 1}}), stored({"c": 1}, ids=["c1"])]
    sql.execute("ANALYZE integrations_inboxevent")
    ((scanned, fetched),) = sql.fetch(READ)
    with django_assert_max_num_queries(10):
        assert keeping.forget_person(ada, now=NOON) == 3
    ((scanned_then, fetched_then),) = sql.fetch(READ)
    assert scanned_then == scanned
    assert fetched_then - fetched <= 20
    assert is_empty(*rows) == [True, True, True]


def test_bodies_of_before_are_read_in_turns(django_assert_max_num_queries: Any) -> None:
    rows = [told(body=json.dumps({"who": f"a{number}@acme.com"}).encode()) for number in range(3)]
    emptied = told(body=b"")
    assert (keeping.read_names(limit=2), keeping.read_names(limit=2), keeping.read_names()) == (2, 1, 0)
    key = address_key()
    for number, row in enumerate(rows):
        row.refresh_from_db()
        assert row.named == [address_hash(f"a{number}@acme.com", key)]
    emptied.refresh_from_db()
    assert emptied.named is None


def test_a_person_gets_what_other_systems_told_of_them() -> None:
    ada = LeadFactory()
    told(lead=ada, body='{"name": "Ädä"}'.encode())
    told(lead=LeadFactory())
    kept = everything_about(ada)
    assert [row["body"] for row in kept["inbox events"]] == ['{"name": "Ädä"}']
    assert json.dumps(kept, default=str)


def test_counts_of_refused_calls_are_kept_for_a_month() -> None:
    refusals.count("toy", "too_old", now=NOON)
    refusals.count("toy", "too_old", now=NOON - timedelta(days=31))
    assert refusals.forget(now=NOON) == 1
    assert RefusedCall.objects.get().times == 1


def test_a_flood_is_counted_in_few_writes() -> None:
    tally = refusals.Tally()
    told_now = [tally.add("toy", "bad_signature") for _ in range(10_000)]
    assert sum(1 for times in told_now if times) <= 3 * refusals.MOST_WRITES
    tally._second = 0  # a second later
    assert sum(told_now) + tally.add("toy", "bad_signature") == 10_001


def figures(**given: Any) -> Figures:
    return Figures(**{"title": "Toy", "door": "/webhooks/toy/", "has_secret": True, **given})


HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("given", "level", "says"),
    [
        ({"last_at": NOON - HOUR}, Level.FINE, "Toy: the last event came 2026-03-02 11:00 UTC."),
        ({}, Level.NOTICE, "Toy: the door is open, no event has come yet."),
        ({"has_secret": False}, Level.NOTICE, "Toy is not set up."),
        ({"has_secret": False, "is_unreadable": True}, Level.PROBLEM, "its secret cannot be read"),
        ({"has_secret": False, "last_at": NOON}, Level.WARNING, "has no secret any more"),
        ({"has_secret": False, "refused": 3}, Level.WARNING, "is refused: no secret is set. 3 calls in 24 hours."),
        ({"dead": 4, "dead_lately": 1}, Level.PROBLEM, "4 events were given up, 1 of them in the last 24 hours."),
        ({"failing": 2, "last_at": NOON}, Level.WARNING, "2 events failed and are tried again"),
        ({"parked": 2, "last_at": NOON}, Level.WARNING, "2 events have waited for hours"),
        (
            {"refused": 9, "refused_at": NOON, "codes": "bad_signature", "last_at": NOON - HOUR},
            Level.WARNING,
            "calls refused in the last 24 hours: 9 (bad_signature).",
        ),
        (
            {"refused": 9, "refused_at": NOON, "codes": "bad_signature", "last_at": NOON - 2 * DAY},
            Level.PROBLEM,
            "none was taken since 2026-02-28 12:00 UTC; its subscription may be disabled soon",
        ),
        ({"last_at": NOON - 3 * DAY, "usual": 200}, Level.WARNING, "used to call regularly and fell silent"),
        ({"last_at": NOON - 3 * DAY, "usual": 12}, Level.FINE, "the last event came"),
        ({"last_at": NOON - 30 * DAY, "usual": 2}, Level.FINE, "the last event came"),
    ],
)
def test_what_the_doctor_says_of_a_sender(given: dict[str, Any], level: Level, says: str) -> None:
    finding = next(iter(judge(figures(**given), NOON)))
    assert (finding.level, says in finding.says) == (level, True)
    assert finding.remedy or level <= Level.NOTICE


def test_the_last_event_is_told_beside_what_is_wrong() -> None:
    refused = figures(refused=9, refused_at=NOON, codes="bad_signature", last_at=NOON - HOUR)
    assert [finding.level for finding in judge(refused, NOON)] == [Level.WARNING, Level.FINE]


def test_the_doctor_reads_all_senders_in_few_queries(toy: Toy, django_assert_max_num_queries: Any) -> None:
    WebhookSource.objects.create(slug="shop", name="Shop", secret="x", created_at=NOON)
    told("dead", closed=NOON - HOUR)
    told("parked", closed=None, waits_for="x", error="no")
    InboxEvent.objects.filter(state="parked").update(received_at=NOON - DAY)
    refusals.count("toy", "bad_signature", now=NOON - HOUR)
    with django_assert_max_num_queries(3):
        found = {one.title: one for one in wellbeing.read(NOON)}
    assert {"The toy", "Shop", "Calendly", "Stripe", "Zoom"} <= found.keys()
    one = found["The toy"]
    assert (one.dead, one.dead_lately, one.failing, one.parked, one.refused) == (1, 1, 1, 1, 1)
    assert (one.last_at, one.usual, one.codes) == (NOON, 2, "bad_signature")
    assert (found["Shop"].has_secret, found["Shop"].is_unreadable) == (False, True)
