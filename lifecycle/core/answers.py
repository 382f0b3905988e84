"""How every door of ours says no to a program: one envelope, {"error": {"code", "message", "fields"}}."""

from collections.abc import Mapping
from typing import Any

from django.http import JsonResponse


def envelope(code: str, message: str, fields: Mapping[str, list[str]] | None = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "fields": fields or {}}}


def refusal(code: str, message: str, *, status: int, headers: Mapping[str, str] | None = None) -> JsonResponse:
    """The envelope as an answer of a plain view."""
    return JsonResponse(envelope(code, message), status=status, headers=headers)
