"""Whatever a program sends: the doors answer as the OpenAPI document says, and never with a fault of ours.

schemathesis makes the calls from the document: well-formed ones, and ones that break its promises.
"""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.errors import Unsatisfiable

from lifecycle.api import keys
from lifecycle.api.models import Scope
from lifecycle.core import clock
from tests.factories import FormFactory, LeadFactory, SegmentFactory
from tests.webinars.cast import make_webinar

schemathesis = pytest.importorskip("schemathesis", reason="a tool of developers; make check installs it")

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "4"))
# The document cannot say what a stored row allows: an unknown field of a form, a lead that is not there.
LOOSE = ["positive_data_acceptance", "negative_data_rejection", "unsupported_method", "ignored_auth"]


def operations() -> list[Any]:
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    schema = schemathesis.openapi.from_dict(document)
    schema.app = get_wsgi_application()
    return [found.ok() for found in schema.get_all_operations()]


@pytest.fixture
def one_transaction(db: None) -> Iterator[None]:
    """As Django's own test client does it: a request's end does not close the connection of the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.slow
@pytest.mark.usefixtures("one_transaction")
@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.label)
def test_no_call_breaks_a_door(operation: Any, mode: str) -> None:
    lead, form = LeadFactory(), FormFactory(slug="contact")
    FormFactory(slug="webinar")
    webinar = make_webinar(starts_at=clock.now() + timedelta(days=8))
    SegmentFactory()
    _, key = keys.issue(name="Fuzz", scopes=Scope.values, now=clock.now())
    known = {"lead_id": lead.pk, "slug": form.slug, "code": webinar.code}
    places = {part.name for part in operation.path_parameters}
    excluded = [getattr(schemathesis.checks, name) for name in LOOSE if hasattr(schemathesis.checks, name)]
    strategy = operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode))

    @seed(20260302)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=strategy)
    def calls(case: Any) -> None:
        for name in places & known.keys():
            case.path_parameters[name] = known[name]
        case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, excluded_checks=excluded)

    try:
        calls()
    except Unsatisfiable:  # a lone text in the address breaks no promise, however it is written
        assert mode == "negative"
        assert places == {"code"}
