"""Short ways to describe operations for the OpenAPI document."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view

View = TypeVar("View", bound=type)


def reading(operation_id: str, summary: str, example: dict[str, Any], *, answer: Any = None) -> Callable[[View], View]:
    """Describe the GET of a view; `answer` when it is not the view's own serializer."""
    given = {"responses": answer} if answer else {}
    return extend_schema_view(
        get=extend_schema(operation_id=operation_id, summary=summary, examples=[shown(example)], **given)
    )


def writing(operation_id: str, summary: str, *, sent: Any, body: dict[str, Any], answers: dict[int, Any]) -> Any:
    """Describe a method with a body. `answers`: status → (serializer, description, example)."""
    examples = [OpenApiExample("Request", value=body, request_only=True)]
    responses = {}
    for status, (serializer, description, example) in answers.items():
        responses[status] = OpenApiResponse(serializer, description)
        examples.append(shown(example, status))
    return extend_schema(
        operation_id=operation_id, summary=summary, request=sent, responses=responses, examples=examples
    )


def shown(value: dict[str, Any], status: int = 200) -> OpenApiExample:
    return OpenApiExample(f"Answer {status}", value=value, response_only=True, status_codes=[str(status)])
