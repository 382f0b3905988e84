"""Who is who when many say so at once, on real connections and real commits."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from leads import identity, pipeline
from leads.actions import FormPost, capture, upsert_lead
from leads.audit import verify_scores
from leads.identity.merging import MergeError, merge, undo
from leads.models import AddressAlias, Event, Lead, LeadMerge, PendingIdentity, PossibleDuplicate, Visitor
from lifecycle.core import sql
from tests.factories import NOON
from tests.leads.tracking_calls import alias, done, identify, view

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shipped_for_good")]
ADA, BEN = "ada@acme.com", "ben@ode.example"


@pytest.fixture
def shipped_for_good(transactional_db: None, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("shipped")


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work(number)` in threads that start at the same moment, each with a connection of its own."""
    gate = threading.Barrier(count)

    def run(number: int) -> Any:
        try:
            gate.wait(timeout=30)
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return [future.result(timeout=90) for future in [pool.submit(run, number) for number in range(count)]]


def until_somebody_waits() -> None:
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline and not sql.fetch("SELECT FROM pg_locks WHERE NOT granted"):
        time.sleep(0.01)


def settle() -> None:
    done()
    pipeline.drain(now=NOON + timedelta(minutes=1))
    assert not PendingIdentity.objects.exists()
    assert not Event.objects.filter(lead=None, visitor__lead__isnull=False).exists()
    assert not verify_scores()


def test_eight_identifies_of_one_visitor_with_two_addresses_make_two_people_and_one_pair():
    view("b1")
    calls = [identify("42", "b1", email=(ADA, BEN)[number % 2]) for number in range(8)]
    together(8, lambda number: identity.identify_at_once([calls[number]], now=NOON))
    settle()
    assert set(Lead.objects.values_list("email", flat=True)) == {ADA, BEN}
    owners = set(Visitor.objects.values_list("lead", flat=True))
    assert len(owners) == 1  # the user and the browser are one person's
    pair = PossibleDuplicate.objects.get()
    assert {pair.lead_id, pair.other_id} == set(Lead.objects.values_list("pk", flat=True))
    assert Event.objects.get(kind="page.viewed").lead_id in owners


def test_an_identify_and_a_form_of_one_person_at_once_make_one_lead_with_the_whole_past():
    for number in range(6):
        email, browser = f"p{number}@acme.com", f"b{number}"
        view(browser)
        call = identify(f"u{number}", browser, email=email, firstName="P")

        def work(which: int, email: str = email, browser: str = browser, call: int = call) -> Any:
            if which:
                return identity.identify_at_once([call], now=NOON)
            return capture(FormPost("contact", {"email": email, "anonymous_id": browser}), now=NOON)

        together(2, work)
    settle()
    assert Lead.objects.count() == 6
    for lead in Lead.objects.all():
        assert lead.visitors.count() == 2
        assert lead.events.filter(kind="page.viewed").count() == 1
        assert lead.original_touch is not None
        assert lead.first_name == "P"


def test_an_alias_finds_the_browser_that_shows_up_at_this_moment():
    called, shown = alias("b1", "42"), threading.Event()

    def work(number: int) -> None:
        if number:
            assert shown.wait(timeout=30)
            identity.identify_at_once([called], now=NOON)
            return
        with transaction.atomic():
            view("b1")
            shown.set()
            until_somebody_waits()

    together(2, work)
    settle()
    assert Visitor.objects.get(anonymous_id="b1").same_as == Visitor.objects.get(user_id="42")


def test_links_forms_and_aliases_of_one_circle_at_once_end_in_one_person():
    for name in ("laptop", "phone", "old"):
        view(name)
    calls = [identify("42", "laptop"), identify("42", "phone"), alias("old", "42")]

    def work(number: int) -> Any:
        if number < len(calls):
            return identity.identify_at_once([calls[number]], now=NOON)
        return capture(FormPost("contact", {"email": ADA, "anonymous_id": ("laptop", "phone")[number % 2]}), now=NOON)

    together(6, work)
    settle()
    identify("42", "laptop"), identify("42", "phone"), alias("old", "42")
    settle()
    assert set(Visitor.objects.values_list("lead", flat=True)) == {Lead.objects.get().pk}
    assert Event.objects.filter(kind="page.viewed", lead=Lead.objects.get()).count() == 3


def test_workers_share_the_queue_and_act_on_each_call_once():
    for number in range(120):
        identify(f"u{number}", f"b{number}", email=f"p{number}@acme.com")
    counts = together(4, lambda number: identity.drain(limit=10, now=NOON))
    assert sum(count.created for count in counts) == 120
    settle()
    assert Event.objects.filter(kind="lead.created").count() == Lead.objects.count() == 120


def test_two_merges_of_the_same_two_leads_at_once_are_one():
    kept, other = (upsert_lead(email=email, fields={}, now=NOON).lead for email in (ADA, BEN))

    def work(number: int) -> str:
        pair = (kept, other) if number % 2 else (other, kept)
        try:
            merge(*pair, now=NOON)
        except MergeError:
            return "refused"
        return "merged"

    assert sorted(together(4, work)) == ["merged", "refused", "refused", "refused"]
    settle()
    assert Lead.objects.count() == AddressAlias.objects.count() == LeadMerge.objects.count() == 1


def test_forms_of_the_other_address_while_it_is_merged_are_lost_by_nobody():
    for number in range(4):
        kept, other = f"kept{number}@acme.com", f"other{number}@acme.com"
        leads = [upsert_lead(email=email, fields={}, now=NOON).lead for email in (kept, other)]

        def work(which: int, other: str = other, leads: list[Lead] = leads) -> Any:
            if which == 0:
                return merge(leads[0], leads[1], now=NOON)
            return capture(FormPost("contact", {"email": other, "message": f"{which}"}), now=NOON)

        together(5, work)
        assert not Lead.objects.filter(email_normal=other).exists()
        lead = Lead.objects.get(email_normal=kept)
        assert lead.submissions.count() == 4
        assert lead.events.filter(kind="form.submitted").count() == 4
    settle()


def test_identifies_while_a_merge_is_undone_find_one_of_the_two():
    kept, other = (upsert_lead(email=email, fields={}, now=NOON).lead for email in (ADA, BEN))
    made = merge(kept, other, now=NOON)
    calls = [identify(f"u{number}", email=BEN) for number in range(4)]

    def work(number: int) -> Any:
        return undo(made, now=NOON) if number == 0 else identity.identify_at_once([calls[number - 1]], now=NOON)

    together(5, work)
    settle()
    assert set(Lead.objects.values_list("email", flat=True)) == {ADA, BEN}
    assert set(Visitor.objects.values_list("lead", flat=True)) <= {kept.pk, other.pk}
