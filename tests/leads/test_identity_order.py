"""In which order calls, forms and page views come makes no difference to who somebody is in the end."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.actions import FormPost, capture
from leads.identity.deciding import Decider, Naming
from leads.models import Company, Event, Lead, Visitor
from leads.pipeline import drain
from leads.visitors import Known
from tests.factories import NOON, FormFactory
from tests.leads.tracking_calls import alias, done, group, identify, view

ADA = "ada@acme.com"
ACTS = (
    "view laptop", "view phone", "view user", "identify laptop", "identify phone", "identify with address", "form",
    "alias", "group",
)  # fmt: skip


def act(what: str) -> None:
    """One thing that happens to Ada; each at a time of its own, whenever it is told."""
    at = NOON - timedelta(hours=ACTS.index(what))
    match what:
        case "view laptop" | "view phone":
            name = what.removeprefix("view ")
            view(name, at=at, url=f"https://www.example.com/?utm_source={name}")
        case "view user":
            view("42", at=at, by_user=True)
        case "identify laptop" | "identify phone":
            identify("42", what.removeprefix("identify "), at=at, firstName="Ada")
        case "identify with address":
            identify("42", "laptop", email=ADA, at=at, title="CTO")
        case "form":
            capture(FormPost("contact", {"email": ADA, "anonymous_id": "phone", "last_name": "Ash"}), now=NOON)
        case "alias":
            alias("old", "42", at=at)
        case "group":
            group("g1", "42", at=at, name="Acme Inc", employees=300)


def outcome() -> dict[str, Any]:
    done()
    drain(now=NOON + timedelta(hours=1))
    lead = Lead.objects.select_related("company").get()
    columns = ("first_name", "last_name", "job_title", "role", "company_size", "stage", "score", "form_source")
    told = Event.objects.filter(lead=lead, source__in=["track", "form"]).exclude(kind__startswith="lead.")
    return {
        "columns": {name: getattr(lead, name) for name in columns},
        "visitors": sorted(map(str, lead.visitors.all())),
        "links": sorted((str(one), str(one.same_as)) for one in Visitor.objects.exclude(same_as=None)),
        "events": sorted(told.values_list("kind", "occurred_at")),
        "touches": sorted(lead.touches.values_list("kind", "source", "occurred_at")),
        "company": Company.objects.values_list("name", "size").get(),
        "anonymous": Event.objects.filter(lead=None).count(),
    }


@pytest.mark.django_db
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(order=st.permutations(ACTS), late=st.integers(0, len(ACTS)))
def test_the_order_makes_no_difference(order, late):
    """`late`: so many of the acts are stored before anybody acts on any."""
    results = []
    for acts in (ACTS, order):
        with transaction.atomic():
            FormFactory()
            for number, what in enumerate(acts):
                act(what)
                if number >= late:
                    done()
            results.append(outcome())
            transaction.set_rollback(True)
    for what, value in results[1].items():
        assert value == results[0][what], what


# --- the pure decisions

SMALL = st.integers(1, 6)
NAMINGS = st.lists(
    st.builds(
        lambda user, lead, browser, previous: Naming(user, lead, browser, (previous,) if previous else ()),
        st.integers(1, 3),
        st.one_of(st.none(), st.integers(1, 3)),
        st.one_of(st.none(), st.integers(4, 6)),
        st.one_of(st.none(), SMALL),
    ),
    max_size=12,
)
OWNED = st.dictionaries(SMALL, st.integers(1, 3), max_size=3)


@settings(max_examples=300, deadline=None)
@given(owned=OWNED, namings=NAMINGS)
def test_what_somebody_owns_stays_theirs_and_a_circle_is_one_persons(owned, namings):
    known = [
        Known(one, None if one <= 3 else f"b{one}", f"u{one}" if one <= 3 else None, owned.get(one), None)
        for one in range(1, 7)
    ]
    decider = Decider(known)
    for naming in namings:
        decider.name(naming)
    decided = decider.decided
    assert not decided.owners.keys() & owned.keys()
    assert not decided.links.keys() & set(decided.links.values()) - {1, 2, 3}
    for one, user in decided.links.items():
        assert decider.owner(one) == decider.owner(user)
        assert user <= 3
    for one, lead in (owned | decided.owners).items():
        assert decider.owner(one) == lead
    assert all(first != second for first, second, _ in decided.suspects)
