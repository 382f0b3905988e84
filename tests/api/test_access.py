"""Who may call what: every address of the API × no key, a wrong scope, the right one. Deny by default."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.urls import URLPattern, URLResolver
from rest_framework.test import APIClient

from leads.models import Lead
from lifecycle.api import keys, urls
from lifecycle.api.authentication import scopes_for
from lifecycle.api.models import ApiKey, Scope
from lifecycle.core import clock
from tests.api.conftest import NOON, Calling

PUBLIC = {"form-submissions", "webinars", "webinar", "webinar-registrations", "schema", "docs"}
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


def doors() -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Every named address with each method it has: (name, method, path, scopes of which one is needed)."""
    for pattern in urls.v1:
        assert isinstance(pattern, URLPattern | URLResolver)
        view = pattern.callback.view_class  # type: ignore[union-attr]
        path = "/api/v1/" + str(pattern.pattern).replace("<int:lead_id>", "1").replace("<slug:slug>", "x")
        for method in METHODS:
            if hasattr(view, method.lower()):
                yield str(pattern.name), method, path, scopes_for(view, method) if hasattr(view, "scopes") else ()


DOORS = list(doors())


def code(answer: object) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]  # type: ignore[attr-defined]


def test_every_door_but_the_public_ones_names_its_scopes() -> None:
    assert {name for name, _, _, scopes in DOORS if not scopes} == PUBLIC


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "method", "path", "scopes"), [door for door in DOORS if door[3]])
def test_a_door_opens_to_the_right_scope_alone(
    key: Calling, name: str, method: str, path: str, scopes: tuple[str, ...]
) -> None:
    assert code(APIClient().generic(method, path)) == (401, "missing_key")
    others = key(*(set(Scope.values) - set(scopes))).generic(method, path)
    assert code(others) == (403, "missing_scope")
    assert all(scope in others.json()["error"]["message"] for scope in scopes)
    for scope in scopes:
        assert key(scope).generic(method, path).status_code not in (401, 403, 500)


@pytest.mark.django_db
def test_a_401_says_how_to_call(ada: Lead) -> None:
    answer = APIClient().get("/api/v1/leads")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.django_db
@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer x", "Basic dTpw", "Bearer lck_x_y", "Bearer lck_\0_y",
     "Bearer " + "x" * 9000, "Bearer é_é_é", "lck_a_b"],
)  # fmt: skip
def test_a_header_that_is_no_key_is_401(header: str) -> None:
    answer = APIClient().get("/api/v1/leads", HTTP_AUTHORIZATION=header)
    assert code(answer) == (401, "invalid_key")


@pytest.mark.django_db
def test_a_key_ends_when_it_expires_or_is_revoked() -> None:
    _, text = keys.issue(name="x", scopes=["leads:read"], expires_at=NOON, now=NOON)
    assert keys.find(text, now=NOON - timedelta(seconds=1)) is not None
    assert keys.find(text, now=NOON) is None
    _, text = keys.issue(name="y", scopes=["leads:read"], now=NOON)
    assert keys.revoke(ApiKey.objects.filter(name="y"), now=NOON) == 1
    assert keys.find(text, now=NOON) is None
    assert keys.find(text[:-1] + "x", now=NOON) is None


@pytest.mark.django_db
def test_only_a_hash_is_kept() -> None:
    key, text = keys.issue(name="x", scopes=["leads:read"], now=NOON)
    secret = text.rpartition("_")[2]
    assert all(secret not in str(value) for value in ApiKey.objects.values_list().get())
    assert text.startswith(f"lck_{key.prefix}_")


@pytest.mark.django_db
def test_the_use_is_noted_at_most_once_a_minute() -> None:
    key, text = keys.issue(name="x", scopes=["leads:read"], now=NOON)

    def used_at(seconds: int) -> datetime | None:
        keys.find(text, now=NOON + timedelta(seconds=seconds))
        key.refresh_from_db()
        return key.last_used_at

    assert [used_at(0), used_at(59), used_at(60)] == [NOON, NOON, NOON + timedelta(seconds=60)]


@pytest.mark.django_db
def test_a_program_that_runs_wild_is_slowed_down(program: APIClient, settings: object) -> None:
    settings.LIMITS = {**settings.LIMITS, "key": (2, 60)}  # type: ignore[attr-defined]
    assert [program.get("/api/v1/segments").status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.django_db
def test_the_command_prints_the_key_alone(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_api_key", "Website", "--scopes", "leads:read", "leads:write")
    printed = capsys.readouterr().out
    assert len(printed.split()) == 1
    found = keys.find(printed.strip(), now=clock.now())
    assert found is not None
    assert (found.name, found.scopes) == ("Website", ["leads:read", "leads:write"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "words", [["x", "--scopes", "leads:fly"], [" ", "--scopes", "leads:read"], ["x" * 121, "--scopes", "leads:read"]]
)
def test_the_command_says_what_is_wrong(words: list[str]) -> None:
    with pytest.raises(CommandError, match=r"Scopes are: leads:read|1 to 120"):
        call_command("create_api_key", *words)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    ["/api/", "/api/v1", "/api/v1/", "/api/v1/nope", "/api/v2/leads", "/api/v1/leads/x", "/api/v1/leads/"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_address_that_is_none_is_404_in_the_envelope(path: str, method: str) -> None:
    assert code(APIClient().generic(method, path)) == (404, "not_found")


@pytest.mark.django_db
@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense", "*/*", ""])
def test_answers_are_json_whatever_is_asked_for(program: APIClient, accept: str) -> None:
    answer = program.get("/api/v1/leads", HTTP_ACCEPT=accept)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
