"""Settings of the REST doors, imported by lifecycle.settings."""

from typing import Any

from lifecycle.api.described_errors import components

DESCRIPTION = """\
Capture leads, follow what happens to them, and let sequences act on it.

Programs send a key: `Authorization: Bearer KEY`. The form door is public. Times are ISO 8601 in UTC. Lists are
`{"results": […], "next": …}`: follow `next` until it is null. Every error is
`{"error": {"code", "message", "fields"}}`.
"""


def rest_framework(*, proxies: int) -> dict[str, Any]:
    return {
        "DEFAULT_SCHEMA_CLASS": "lifecycle.api.schema.Schema",
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["lifecycle.api.parsers.JSONBody"],
        "DEFAULT_CONTENT_NEGOTIATION_CLASS": "lifecycle.api.parsers.OnlyJSON",
        # Deny by default: a view that forgets to say who may call it can be called by nobody.
        "DEFAULT_AUTHENTICATION_CLASSES": ["lifecycle.api.authentication.KeyAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["lifecycle.api.authentication.HasScope"],
        "DEFAULT_FILTER_BACKENDS": ["lifecycle.api.filters.KnownFilters"],
        "DEFAULT_PAGINATION_CLASS": "lifecycle.api.pagination.CursorPages",
        "DEFAULT_METADATA_CLASS": None,
        "EXCEPTION_HANDLER": "lifecycle.api.errors.exception_handler",
        "NUM_PROXIES": proxies,
        "TEST_REQUEST_DEFAULT_FORMAT": "json",
    }


SPECTACULAR: dict[str, Any] = {
    "TITLE": "Lifecycle",
    "DESCRIPTION": DESCRIPTION,
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "LICENSE": {"name": "MIT", "identifier": "MIT"},
    "SCHEMA_PATH_PREFIX": r"/api/v1/",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "docExpansion": "list", "persistAuthorization": False},
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "Stage": "leads.models.lead.Stage",
        "Temperature": "leads.models.lead.Temperature",
        "EnrollmentState": "campaigns.models.enrollment.Enrollment.State",
        "MessageState": "campaigns.models.message.Message.State",
        "MessageClass": "campaigns.models.template.MessageClass",
        "SequenceStatus": "campaigns.models.sequence.Sequence.Status",
    },
    "APPEND_COMPONENTS": components(),
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "lifecycle.api.tracking.described.add_calls",
        "lifecycle.api.described_webhooks.add_doors",
    ],
}
