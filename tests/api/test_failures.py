"""When we are at fault: the envelope, without details, and nothing half done."""

from typing import Any

import pytest
from django.db import OperationalError
from rest_framework.test import APIClient

from leads.models import Lead
from lifecycle.api.errors import flat
from lifecycle.api.views.history import Timeline


def test_an_error_nobody_foresaw_is_logged_and_tells_nothing(
    program: APIClient, ada: Lead, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("the secret of ada@acme.com")

    monkeypatch.setattr(Timeline, "get_queryset", fail)
    program.raise_request_exception = False
    answer = program.get(f"/api/v1/leads/{ada.pk}/timeline")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "secret" not in answer.content.decode()
    assert f"the API failed at /api/v1/leads/{ada.pk}/timeline" in caplog.text


def test_a_database_that_does_not_answer_is_503_with_the_time_to_wait(
    program: APIClient, ada: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(Timeline, "get_queryset", fail)
    answer = program.get(f"/api/v1/leads/{ada.pk}/timeline")
    assert (answer.status_code, answer.json()["error"]["code"], answer["Retry-After"]) == (503, "unavailable", "5")


@pytest.mark.parametrize(
    ("detail", "fields"),
    [
        ({"a": ["x"]}, {"a": ["x"]}),
        ({"a": {"b": ["x", "y"]}}, {"a.b": ["x", "y"]}),
        ({"a": {"non_field_errors": ["x"]}}, {"a": ["x"]}),
        ({"a": [{}, {"b": ["x"]}]}, {"a.1.b": ["x"]}),
        (["x"], {"non_field_errors": ["x"]}),
    ],
)
def test_nested_problems_are_named_by_their_path(detail: Any, fields: dict[str, list[str]]) -> None:
    assert flat(detail) == fields
