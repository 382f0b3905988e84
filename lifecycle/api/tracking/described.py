"""The tracking calls in the OpenAPI document, which drf-spectacular makes of REST views alone."""

from typing import Any

from lifecycle.api.described_errors import ERRORS

ID = {"type": ["string", "number", "null"]}
TEXT = {"type": ["string", "null"]}
OBJECT = {"type": ["object", "null"], "additionalProperties": True}
COMMON: dict[str, Any] = {
    "userId": {**ID, "description": "The product's id of its user. It or `anonymousId` is needed."},
    "anonymousId": {**ID, "description": "The browser's own id."},
    "messageId": {**TEXT, "description": "The same one again has no effect."},
    "timestamp": {**TEXT, "description": "When it happened, by the sender's clock."},
    "sentAt": {**TEXT, "description": "When it was sent, by the same clock, which is corrected by it."},
    "context": {
        **OBJECT,
        "description": "`campaign`, `page`, `referrer`, `userAgent`, `locale`, `timezone`, `library`.",
    },
    "writeKey": {**TEXT, "description": "The key, where there is no Authorization header."},
}
FACTS = {"properties": OBJECT}
TRAITS = {"traits": OBJECT}
NAMED = {"name": TEXT, "category": TEXT, **FACTS}
PAGE = {"url": "https://www.example.com/pricing", "path": "/pricing", "title": "Pricing"}

# call → (summary, what it does, its own members, those that are needed, an example)
CALLS: dict[str, tuple[str, str, dict[str, Any], list[str], dict[str, Any]]] = {
    "identify": (
        "Say who somebody is",
        "An address in `traits.email` makes the visitor a lead, with all that the browser and the user did before.",
        TRAITS,
        [],
        {"userId": "42", "anonymousId": "b-1", "traits": {"email": "ana@acme.com", "firstName": "Ana"}},
    ),
    "track": (
        "Say what somebody did",
        "The name becomes our kind by the table of event names, else it stays as sent.",
        {"event": {"type": "string", "minLength": 1, "maxLength": 100}, **FACTS},
        ["event"],
        {"userId": "42", "event": "Pricing Viewed", "properties": {"plan": "pro"}},
    ),
    "page": (
        "Say which page somebody saw",
        "`page.viewed`, or what the rules of pages say: a view of /pricing is `pricing.viewed`.",
        NAMED,
        [],
        {"anonymousId": "b-1", "name": "Pricing", "properties": PAGE, "context": {"page": PAGE}},
    ),
    "screen": (
        "Say which screen of an app somebody saw",
        "`screen.viewed`, or what the table of event names says of its name.",
        NAMED,
        [],
        {"userId": "42", "name": "Reports"},
    ),
    "group": (
        "Say which account somebody belongs to",
        "Recorded as `account.joined`, with the account's traits.",
        {"groupId": ID, **TRAITS},
        ["groupId"],
        {"userId": "42", "groupId": "acme", "traits": {"name": "Acme", "employees": 120}},
    ),
    "alias": (
        "Say that two ids are one person",
        "Two leads are never merged by this: somebody looks at them first.",
        {"previousId": ID},
        ["previousId", "userId"],
        {"userId": "42", "previousId": "b-1"},
    ),
}
ABOUT = (
    "Compatible with Segment's HTTP API: point its SDK at this host. At most 32 KB, any content type, gzip allowed. "
    "A key with allowed origins is for pages, and not believed about purchases, subscriptions, meetings, deals, "
    "invoices and forms.\n\nScope: `track:write`."
)
BATCH = (
    "Each call names its `type`. At most 500 KB and 2,500 calls of at most 32 KB. A call that is wrong is rejected by "
    "itself and named in the answer; the others are stored."
)
REJECTED = {
    "type": "array",
    "description": "Calls that were not taken; the others were.",
    "items": {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in (("index", "integer"), ("message_id", "string"))}
        | {"reason": {"type": "string"}},
        "required": ["index", "message_id", "reason"],
    },
}
SUCCESS: dict[str, Any] = {"type": "object", "properties": {"success": {"const": True}}, "required": ["success"]}
STATUSES = ("400", "401", "403", "413", "415", "429", "500", "503")


def add_calls(result: dict[str, Any], **around: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: the document with the tracking calls."""
    schemes = result["components"].setdefault("securitySchemes", {})
    schemes["writeKey"] = {"type": "http", "scheme": "basic", "description": "The key as user, without a password."}
    for call, (summary, about, members, needed, example) in CALLS.items():
        sent = {"type": "object", "properties": {**members, **COMMON}, "required": needed}
        result["paths"][f"/v1/{call}"] = {"post": _operation(call, summary, about, sent, example)}
    calls = [{"type": call, **words[4]} for call, words in CALLS.items()]
    members = {"type": "array", "maxItems": 2_500, "items": {"type": "object"}}
    sent = {"type": "object", "properties": {"batch": members, **_only("sentAt", "writeKey")}, "required": ["batch"]}
    operation = _operation("batch", "Send many calls", BATCH, sent, {"batch": calls})
    operation["responses"]["200"]["content"]["application/json"]["schema"] = {
        **SUCCESS,
        "properties": {**SUCCESS["properties"], "rejected": REJECTED},
    }
    result["paths"]["/v1/batch"] = {"post": operation}
    return result


def _operation(call: str, summary: str, about: str, sent: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    errors = {status: {"$ref": f"#/components/responses/{ERRORS[status][0]}"} for status in STATUSES}
    return {
        "operationId": f"track_{call}",
        "summary": summary,
        "description": f"{about}\n\n{ABOUT}",
        "tags": ["tracking"],
        "security": [{"key": []}, {"writeKey": []}],
        "requestBody": {"required": True, "content": _json(sent, "Request", example)},
        "responses": {
            "200": {"description": "Stored.", "content": _json(SUCCESS, "Answer", {"success": True})},
            **errors,
        },
    }


def _json(schema: dict[str, Any], name: str, example: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema, "examples": {name: {"value": example}}}}


def _only(*names: str) -> dict[str, Any]:
    return {name: COMMON[name] for name in names}
