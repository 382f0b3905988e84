"""Keys in the admin: shown once, never edited, revoked."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from lifecycle.api import keys
from lifecycle.api.models import ApiKey
from lifecycle.core import clock
from tests.api.conftest import NOON

LIST = "/admin/api/apikey/"


@pytest.fixture
def admin(db: None, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_a_new_key_is_shown_once(admin: Client) -> None:
    answer = admin.post(f"{LIST}add/", {"name": "Website", "scopes": ["leads:read", "leads:write"]})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    text = re.search(r"lck_\w+_\w{48}", answer.content.decode())
    assert text is not None
    found = keys.find(text[0], now=clock.now())
    assert found is not None
    assert (found.name, found.scopes) == ("Website", ["leads:read", "leads:write"])
    assert ApiKey.objects.count() == 1
    for url in (LIST, f"{LIST}{found.pk}/change/"):
        assert text[0] not in admin.get(url).content.decode()


def test_a_key_needs_a_scope(admin: Client) -> None:
    assert admin.post(f"{LIST}add/", {"name": "Website"}).status_code == 200
    assert not ApiKey.objects.exists()


def test_keys_are_revoked_from_the_list_and_never_deleted(admin: Client) -> None:
    key, text = keys.issue(name="Website", scopes=["leads:read"], now=NOON)
    admin.post(LIST, {"action": "revoke", "_selected_action": [key.pk]})
    assert keys.find(text, now=clock.now()) is None
    assert "revoked" in admin.get(LIST).content.decode()
    assert admin.post(f"{LIST}{key.pk}/delete/").status_code == 403
    assert ApiKey.objects.filter(pk=key.pk).exists()
