"""The doors for other systems' webhooks in the OpenAPI document, which drf-spectacular makes of REST views alone.

Imported by the settings through its name, so it says again what the doors do; `tests/api/test_schema.py` holds it to
the senders that there are and to what they answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Described = dict[str, Any]

ABOUT = (
    "The signature is checked on the bytes as they came. 2xx says that the event is stored and committed; a copy "
    "changes nothing. What cannot be carried out is never the sender's trouble. At most 1 MiB; any content type, the "
    "body is JSON. docs/webhooks.md tells the rest."
)
TIME = "Unix time in seconds"
# status → (when, code, message): of the inbox, and of mail providers.
REFUSALS: dict[str, tuple[str, str, str]] = {
    "400": (
        "Not UTF-8, not JSON, no object, or not what this sender sends (`malformed`).",
        "malformed",
        "The body is not JSON: Expecting value (line 1, column 1).",
    ),
    "401": (
        "Not signed (`no_signature`), signed with another secret (`bad_signature`), or too long ago (`too_old`).",
        "bad_signature",
        "The signature is not that of this body and one of the secrets.",
    ),
    "403": (
        "The door is closed: no secret is set (`no_secret`), or the source is switched off (`inactive`).",
        "no_secret",
        "No secret is set, so nothing is taken.",
    ),
    "404": ("There is no such sender (`not_found`).", "not_found", "There is no such sender here."),
    "405": ("Webhooks are posted (`method_not_allowed`).", "method_not_allowed", "Webhooks are sent with POST."),
    "413": ("Over 1 MiB (`too_large`).", "too_large", "The body is larger than 1024 KB."),
    "503": ("Nothing was stored; send it again (`unavailable`).", "unavailable", "Not at the moment."),
}
STORED: Mapping[str, Any] = {"Stored": {"status": "stored"}, "A copy": {"status": "duplicate"}}
OUTCOME = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"enum": ["stored", "duplicate", "ignored"], "type": "string"}},
}


@dataclass(frozen=True, slots=True)
class Door:
    """One operation. `headers`: name → what it holds. `answers`: examples of 200 by name; None for an empty one."""

    path: str
    name: str
    summary: str
    about: str
    headers: Mapping[str, str]
    needed: tuple[str, ...]
    body: Mapping[str, Any]
    parameters: Mapping[str, str] = field(default_factory=dict)
    answer: Mapping[str, Any] = field(default_factory=lambda: OUTCOME)
    answers: Mapping[str, Any] | None = field(default_factory=lambda: STORED)
    refusals: Mapping[str, tuple[str, str, str]] = field(default_factory=lambda: REFUSALS)


_IGNORED = {**STORED, "A kind that means nothing here": {"status": "ignored"}}
_VALIDATED = {
    "plainToken": "qgg8vlvZRS6UYooatFL8Aw",
    "encryptedToken": "23a89b634c017e5364a1c8d9c8ea909b60dd5599e2bb04bb",
}
DOORS = (
    Door(
        path="/webhooks/calendly/",
        name="calendly",
        summary="Calendly: booked, moved, canceled, not there",
        about="`invitee.created`, `invitee.canceled`, `invitee_no_show.created`, `invitee_no_show.deleted`, "
        "`routing_form_submission.created`; other kinds are kept. The answer comes when no mail that a booking stops "
        "is under way any more. A signature is valid for 3 minutes.",
        headers={"Calendly-Webhook-Signature": f"`t=…,v1=…`: {TIME}, and the hex HMAC-SHA256 of `t.body`."},
        needed=("event", "payload"),
        body={
            "event": "invitee.created",
            "created_at": "2026-11-24T10:00:00.000000Z",
            "payload": {
                "uri": "https://api.calendly.com/scheduled_events/EV1/invitees/IN1",
                "email": "ana@acme.com",
                "name": "Ana Ash",
                "status": "active",
                "rescheduled": False,
                "timezone": "Europe/Berlin",
                "scheduled_event": {"name": "Demo", "start_time": "2026-11-26T10:00:00.000000Z"},
            },
        },
        answers=_IGNORED,
    ),
    Door(
        path="/webhooks/stripe/",
        name="stripe",
        summary="Stripe: paid, refunded, subscribed, billed",
        about="Checkout sessions, subscriptions, invoices, charges, refunds and customers, in both shapes of its API; "
        "other kinds are kept. What must be fetched from Stripe is fetched after the answer. A signature is valid for "
        "5 minutes.",
        headers={"Stripe-Signature": f"`t=…,v1=…`: {TIME}, and one or more hex HMAC-SHA256 of `t.body`."},
        needed=("id", "type"),
        body={
            "id": "evt_1",
            "object": "event",
            "type": "checkout.session.completed",
            "created": 1795514400,
            "data": {
                "object": {
                    "id": "cs_1",
                    "object": "checkout.session",
                    "mode": "payment",
                    "payment_status": "paid",
                    "amount_total": 9900,
                    "currency": "eur",
                    "customer_details": {"email": "ana@acme.com"},
                }
            },
        },
        answers=_IGNORED,
    ),
    Door(
        path="/webhooks/zoom/",
        name="zoom",
        summary="Zoom: registered, came, went, ended",
        about="Webinars and meetings with registration. `endpoint.url_validation` is answered with the proof that the "
        "secret token is known here. A signature is valid for 5 minutes.",
        headers={
            "x-zm-signature": "`v0=…`: the hex HMAC-SHA256 of `v0:timestamp:body`.",
            "x-zm-request-timestamp": f"{TIME}.",
        },
        needed=("event",),
        body={
            "event": "webinar.participant_joined",
            "event_ts": 1795514400000,
            "payload": {
                "account_id": "A1",
                "object": {
                    "id": "93300000008",
                    "uuid": "u1",
                    "participant": {"user_id": "1", "email": "ana@acme.com", "join_time": "2026-11-24T10:00:00Z"},
                },
            },
        },
        answer={
            "anyOf": [
                OUTCOME,
                {
                    "type": "object",
                    "required": ["plainToken", "encryptedToken"],
                    "properties": {"plainToken": {"type": "string"}, "encryptedToken": {"type": "string"}},
                },
            ]
        },
        answers={**_IGNORED, "Its question for the secret": _VALIDATED},
    ),
    Door(
        path="/webhooks/in/{slug}/",
        name="source",
        summary="Any system that signs as Standard Webhooks says",
        about="A source is set up in the admin, with the rules that make events of bodies. The headers `svix-id`, "
        "`svix-timestamp` and `svix-signature` will do as well. A signature is valid for 5 minutes.",
        headers={
            "webhook-id": "Names the event: the same for every attempt.",
            "webhook-timestamp": f"{TIME}.",
            "webhook-signature": "`v1,…`: the base64 HMAC-SHA256 of `id.timestamp.body`; several, separated by spaces.",
        },
        needed=(),
        body={"type": "user.upgraded", "data": {"user": {"email": "ana@acme.com"}, "plan": {"name": "Pro"}}},
        parameters={"slug": "Of the source, as the admin shows it."},
        answers={**STORED, "No rule is for its kind": {"status": "ignored"}},
    ),
    Door(
        path="/webhooks/email/{provider}/tracking/",
        name="email",
        summary="A mail provider: delivered, bounced, complained, opted out",
        about="`provider` is one of Anymail's: `postmark`, `mailgun`, `amazon_ses`, `sendgrid`, `brevo`, `resend` … "
        "Each signs in its own way, or sends the user and password of `ANYMAIL_WEBHOOK_SECRET`, and has its own body, "
        "an object or a list (docs/mail-providers.md). What blocks an address has acted before the answer.",
        headers={"Authorization": "`Basic …`, where that is the proof; else the provider's own headers."},
        needed=(),
        body={
            "RecordType": "Bounce",
            "ID": 41,
            "Type": "HardBounce",
            "MessageID": "883953f4-6105",
            "Email": "ana@acme.com",
            "BouncedAt": "2026-11-24T10:00:00Z",
            "Metadata": {"message_key": "enrollment:17:welcome"},
        },
        parameters={"provider": "As `EMAIL_PROVIDER` names it."},
        answers=None,
        refusals=REFUSALS
        | {
            "400": (
                "Not a report of this provider (`malformed`).",
                "malformed",
                "The body is not a report of this provider.",
            ),
            "401": (
                "Not signed with a secret that is set (`bad_signature`), or Amazon, not yet (`no_signature`).",
                "bad_signature",
                "This report is not signed with a secret that is set here.",
            ),
            "403": ("No secret is set (`no_secret`).", "no_secret", "Set ANYMAIL_WEBHOOK_SECRET (user:password)."),
            "404": ("There is no such mail provider (`not_found`).", "not_found", "There is no such mail provider."),
            "413": ("Over 1 MiB (`too_large`).", "too_large", "A report may have 1 MiB."),
            "503": (
                "The database does not answer; send it again (`try_again`).",
                "try_again",
                "The database does not answer; send it again.",
            ),
        },
    ),
)


def add_doors(result: Described, **around: Any) -> Described:
    """A hook of drf-spectacular: the document with the doors for webhooks."""
    schemes = result["components"].setdefault("securitySchemes", {})
    about = "The user and password of ANYMAIL_WEBHOOK_SECRET, in the address that the provider calls."
    schemes["webhookSecret"] = {"type": "http", "scheme": "basic", "description": about}
    for door in DOORS:
        result["paths"][door.path] = {"post": _operation(door)}
    return result


def _operation(door: Door) -> Described:
    parameters = [
        {"name": name, "in": "path", "required": True, "description": about, "schema": {"type": "string"}}
        for name, about in door.parameters.items()
    ] + [
        {"name": name, "in": "header", "required": False, "description": about, "schema": {"type": "string"}}
        for name, about in door.headers.items()
        if name != "Authorization"  # which OpenAPI takes for a matter of `security` alone
    ]
    schemes: list[dict[str, list[str]]] = [{"webhookSecret": []}, {}] if "Authorization" in door.headers else [{}]
    return {
        "operationId": f"webhooks_{door.name}",
        "summary": door.summary,
        "description": f"{door.about}\n\n{ABOUT}",
        "tags": ["webhooks"],
        "security": schemes,
        "parameters": parameters,
        "requestBody": {"required": True, "content": {"application/json": _body(door)}},
        "responses": {"200": _success(door), **{status: _refusal(*said) for status, said in door.refusals.items()}},
    }


def _body(door: Door) -> Described:
    kinds = ["object", "array"] if door.name == "email" else "object"
    schema: Described = {"type": kinds}
    if door.needed:
        schema["required"] = list(door.needed)
    return {"schema": schema, "examples": {"Request": {"value": door.body}}}


def _success(door: Door) -> Described:
    if door.answers is None:
        return {"description": "Stored and acted on, or known already."}
    examples = {name: {"value": value} for name, value in door.answers.items()}
    content = {"application/json": {"schema": dict(door.answer), "examples": examples}}
    return {"description": "It is ours now, or was before.", "content": content}


def _refusal(when: str, code: str, message: str) -> Described:
    example = {"error": {"code": code, "message": message, "fields": {}}}
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": when, "content": {"application/json": {"schema": schema, "example": example}}}
