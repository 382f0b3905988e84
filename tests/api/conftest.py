"""Doors are tested through their URL, as a program or a browser sees them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from leads import actions
from leads.models import Form, Lead
from lifecycle.api import keys
from lifecycle.api.limited import COUNTER
from lifecycle.api.models import Scope

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
Calling = Callable[..., APIClient]


@pytest.fixture(autouse=True)
def fresh_counts() -> Iterator[None]:
    COUNTER.clear()
    yield
    COUNTER.clear()


@pytest.fixture
def key(db: None) -> Calling:
    """A program that calls with a key of the given scopes; of all of them if none is given."""

    def with_scopes(*scopes: str) -> APIClient:
        _, text = keys.issue(name="A program", scopes=scopes or Scope.values, now=NOON)
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
        return client

    return with_scopes


@pytest.fixture
def program(key: Calling) -> APIClient:
    return key()


@pytest.fixture
def contact(db: None) -> Form:
    return Form.objects.create(
        slug="contact",
        name="Contact",
        fields=[
            {"name": "email", "type": "email", "required": True},
            {"name": "first_name", "type": "text"},
            {"name": "topics", "type": "multiselect"},
        ],
        thank_you={
            "title": "Thank you from {{ workspace.name }}",
            "body": "A person reads it.",
            "next_steps": [
                {"label": "Pick a time", "url": "{{ workspace.booking_url }}"},
                {"label": "Trap", "url": "javascript:alert(1)"},
            ],
        },
    )


@pytest.fixture
def ada(db: None) -> Lead:
    return actions.upsert_lead(
        email="ada@acme.com", fields={"first_name": "Ada", "company": "Acme", "utm_source": "partner"}, now=NOON
    ).lead


@pytest.fixture
def rita(db: None) -> User:
    return User.objects.create_user("rita")


@pytest.fixture
def browser(db: None) -> Client:
    return Client()
