"""Keys in the admin: shown once, never edited, revoked."""

import re
from html import unescape
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

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


def test_a_key_for_pages_comes_with_its_tag(admin: Client, settings: Settings) -> None:
    told = {
        "name": "Site",
        "scopes": ["track:write"],
        "allowed_origins": "https://WWW.example.com/\nhttp://localhost:3000",
    }
    shown = admin.post(f"{LIST}add/", told).content.decode()
    text = re.search(r"lck_\w+_\w{48}", shown)
    assert text is not None
    assert f'src="{settings.SITE_URL}/t.js" data-key="{text[0]}"' in unescape(shown)
    key = ApiKey.objects.get()
    assert key.allowed_origins == ["http://localhost:3000", "https://www.example.com"]
    page = unescape(admin.get(f"{LIST}{key.pk}/change/").content.decode())
    assert f'data-key="lck_{key.prefix}_…"' in page
    assert text[0] not in page


@pytest.mark.parametrize(
    ("scopes", "origins"),
    [
        (["track:write", "leads:read"], "https://a.example"),
        (["track:write"], "a.example"),
        (["track:write"], "https://a/b"),
    ],
)
def test_a_key_for_pages_may_only_track_and_names_websites(admin: Client, scopes: list[str], origins: str) -> None:
    assert admin.post(f"{LIST}add/", {"name": "Site", "scopes": scopes, "allowed_origins": origins}).status_code == 200
    assert not ApiKey.objects.exists()


@pytest.mark.django_db
def test_the_command_makes_keys_for_pages() -> None:
    out = StringIO()
    call_command("create_api_key", "Site", scopes=["track:write"], origins=["https://www.example.com"], stdout=out)
    assert ApiKey.objects.get().allowed_origins == ["https://www.example.com"]
    with pytest.raises(CommandError, match="not a website's origin"):
        call_command("create_api_key", "Site", scopes=["track:write"], origins=["example"])
