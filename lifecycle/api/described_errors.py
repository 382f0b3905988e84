"""The errors that calls share, as the OpenAPI document describes them. Imported by the settings: imports nothing."""

from typing import Any

ERROR = {
    "type": "object",
    "description": "What every error looks like.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "fields"],
            "properties": {
                "code": {"type": "string", "description": "For programs: invalid, missing_scope, throttled …"},
                "message": {"type": "string", "description": "For people."},
                "fields": {
                    "type": "object",
                    "description": "Name of the field (dotted when nested) → its problems.",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                },
            },
        }
    },
}

# status → (component, description, code, message, fields)
ERRORS: dict[str, tuple[str, str, str, str, dict[str, list[str]]]] = {
    "400": (
        "Invalid",
        "Something in the request is not right; `fields` says what.",
        "invalid",
        "Some fields are not right.",
        {"email": ["Enter a valid email address."]},
    ),
    "401": ("NoKey", "No key, or not one in force.", "invalid_key", "This key is unknown, expired or revoked.", {}),
    "403": ("MissingScope", "The key may not do this.", "missing_scope", "This key lacks the scope leads:read.", {}),
    "404": ("NotFound", "There is no such thing.", "not_found", "Not found.", {}),
    "409": (
        "Conflict",
        "It contradicts how things are.",
        "conflict",
        "a lead cannot go from customer to cold; from customer it can go to former",
        {"stage": ["a lead cannot go from customer to cold; from customer it can go to former"]},
    ),
    "413": ("TooLarge", "The body is larger than 256 KB.", "too_large", "The body is larger than 256 KB.", {}),
    "415": (
        "UnsupportedMediaType",
        "The Content-Type is not one that this call takes.",
        "unsupported_media_type",
        'Unsupported media type "text/plain" in request.',
        {},
    ),
    "429": ("Throttled", "Too many; Retry-After says how long to wait.", "throttled", "Too many requests.", {}),
    "500": ("Internal", "Our fault. It is logged.", "internal", "Something went wrong here.", {}),
    "503": ("Unavailable", "Nothing was stored; try again soon.", "unavailable", "Not at the moment.", {}),
}
HEADERS = {
    "429": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
    "503": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
}


def components() -> dict[str, Any]:
    """The shared components of the document."""
    responses = {}
    for status, (name, description, code, message, fields) in ERRORS.items():
        example = {"error": {"code": code, "message": message, "fields": fields}}
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}, "example": example}}
        responses[name] = {"description": description, "content": content}
        if status in HEADERS:
            responses[name]["headers"] = HEADERS[status]
    return {"schemas": {"Error": ERROR}, "responses": responses}
