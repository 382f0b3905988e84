"""The OpenAPI document says what the doors do, is committed as docs/openapi.yaml, and its page works offline."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema

from lifecycle.integrations import registry
from tests.factories import NOON
from tests.integrations.senders import SENDERS

PUBLIC = {"forms_submit", "webinars_get", "webinars_list", "webinars_register"}
# Doors of other systems: signed, not limited in number, and indifferent to the content type.
SIGNED = {"400", "401", "403", "404", "405", "413", "503"}
COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.yaml"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-any-return, no-untyped-call]


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    validate_schema(document)


def test_the_committed_document_is_up_to_date(document: dict[str, Any]) -> None:
    fresh = OpenApiYamlRenderer().render(document, renderer_context={}).decode()
    assert COMMITTED.read_text() == fresh, "run: manage.py spectacular --file docs/openapi.yaml"


def test_every_operation_says_what_it_does_by_example_and_how_it_fails(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        is_hook = "webhooks" in operation["tags"]
        assert (SIGNED if is_hook else {"400", "429", "500"}) <= set(operation["responses"]), name
        for status, response in operation["responses"].items():
            if "content" in response and status.startswith("2"):
                assert response["content"]["application/json"].get("examples"), f"{name} {status}"
            assert "content" in response or "$ref" in response or operation["operationId"] == "webhooks_email", name
        if "requestBody" in operation:
            assert is_hook or {"413", "415"} <= set(operation["responses"]), name
            assert operation["requestBody"]["content"]["application/json"].get("examples"), name


def test_operation_ids_are_stable(document: dict[str, Any]) -> None:
    assert sorted(operation["operationId"] for _, operation in operations(document)) == [
        "broadcasts_list",
        "broadcasts_runs",
        "forms_submit",
        "leads_add_event",
        "leads_change",
        "leads_enrollments",
        "leads_get",
        "leads_list",
        "leads_meetings",
        "leads_messages",
        "leads_plan",
        "leads_purchases",
        "leads_score",
        "leads_subscriptions",
        "leads_timeline",
        "leads_touches",
        "leads_upsert",
        "leads_why",
        "reports_attribution",
        "reports_experiments",
        "segments_list",
        "segments_preview",
        "sequences_enroll",
        "sequences_list",
        "track_alias",
        "track_batch",
        "track_group",
        "track_identify",
        "track_page",
        "track_screen",
        "track_track",
        "webhooks_calendly",
        "webhooks_email",
        "webhooks_source",
        "webhooks_stripe",
        "webhooks_zoom",
        "webinars_get",
        "webinars_list",
        "webinars_register",
    ]


def test_every_sender_is_described_with_the_headers_it_signs_with(document: dict[str, Any]) -> None:
    described = {path: methods["post"] for path, methods in document["paths"].items() if path.startswith("/webhooks/")}
    vendors = {f"/webhooks/{provider.slug}/" for provider in registry.providers()}
    assert described.keys() == vendors | {"/webhooks/in/{slug}/", "/webhooks/email/{provider}/tracking/"}
    for sender in SENDERS:
        operation = described[sender.path.replace("/shop/", "/{slug}/")]
        headers = {one["name"].lower() for one in operation["parameters"] if one["in"] == "header"}
        assert headers == sender.sign(b"{}", sender.secret, NOON).keys(), sender.name
        assert (
            set(operation["requestBody"]["content"]["application/json"]["schema"].get("required", []))
            <= sender.body.keys()
        )


def test_calls_with_a_key_say_so_and_name_the_scope(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if "webhooks" in operation["tags"]:
            assert {"key": []} not in operation["security"], name
        elif operation["operationId"] in PUBLIC:
            assert not [needed for needed in operation.get("security", []) if needed], name
        else:
            assert operation["security"][0] == {"key": []}, name
            assert re.search(r"Scope: `\w+:\w+`", operation["description"]), name
            assert {"401", "403"} <= set(operation["responses"]), name


def test_the_document_is_served_as_yaml_and_json(client: Client) -> None:
    assert yaml.safe_load(client.get("/api/v1/schema").content)["info"]["title"] == "Lifecycle"
    assert client.get("/api/v1/schema?format=json").json()["openapi"].startswith("3.1")


def test_the_docs_page_loads_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/api/v1/docs/")
    text = page.content.decode()
    assert page.status_code == 200
    sources = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert sources
    assert all(source.startswith("/") for source in sources), sources
    assert not re.search(r"<script>|<script [^>]*>[^<]", text)
    assert client.get("/api/v1/docs/?script=")["Content-Type"].startswith("application/javascript")
