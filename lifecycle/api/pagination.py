"""Cursor pages: stable while rows arrive, and as fast on the last page as on the first."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Model, Q
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from lifecycle.api.problems import invalid

PAGE = 50
LARGEST_PAGE = 200

Position = tuple[datetime, int] | tuple[int]


class CursorPages(BasePagination):
    """Pages of a view by its `ordering`: ("-id",) or a time and the id, both up or both down. No counting."""

    limit_param = "limit"
    cursor_param = "cursor"

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        self.ordering: Sequence[str] = view.get_ordering() if hasattr(view, "get_ordering") else view.ordering
        limit = self.limit()
        if cursor := request.query_params.get(self.cursor_param):
            queryset = queryset.filter(after(self.ordering, self.position(cursor)))
        rows = list(queryset.order_by(*self.ordering)[: limit + 1])
        self.last = rows[limit - 1] if len(rows) > limit else None
        return rows[:limit]

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self.next_link()})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        next_link = {
            "type": ["string", "null"],
            "format": "uri",
            "example": "https://crm.example.com/api/v1/leads?cursor=WzQyXQ==",
            "description": "Address of the next page; null on the last one.",
        }
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {"results": schema, "next": next_link},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE}
        return [
            parameter("cursor", {"type": "string"}, "Where to go on; taken from `next`."),
            parameter("limit", size, "Rows in a page."),
        ]

    def limit(self) -> int:
        text = self.request.query_params.get(self.limit_param) or str(PAGE)
        if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= LARGEST_PAGE):
            raise invalid(limit=f"Write a whole number from 1 to {LARGEST_PAGE}.")
        return int(text)

    def next_link(self) -> str | None:
        if self.last is None:
            return None
        return replace_query_param(
            self.request.build_absolute_uri(), self.cursor_param, encode(self.ordering, self.last)
        )

    def position(self, cursor: str) -> Position:
        kind: Any = tuple[int] if len(self.ordering) == 1 else tuple[datetime, int]
        try:
            position: Position = msgspec.json.decode(base64.urlsafe_b64decode(cursor.encode()), type=kind)
        except (binascii.Error, msgspec.MsgspecError, UnicodeError) as problem:
            raise invalid(cursor="This is not a cursor of this list; take it from “next”.") from problem
        if not 0 <= position[-1] < 2**63 or (isinstance(position[0], datetime) and position[0].tzinfo is None):
            raise invalid(cursor="This is not a cursor of this list; take it from “next”.")
        return position


def parameter(name: str, schema: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": dict(schema)}


def encode(ordering: Sequence[str], row: Model) -> str:
    values = [getattr(row, field.lstrip("-")) for field in ordering]
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).decode()


def after(ordering: Sequence[str], position: Position) -> Q:
    """The rows behind `position`. The redundant first bound is what lets the index begin there."""
    test = "lt" if ordering[0].startswith("-") else "gt"
    names = [field.lstrip("-") for field in ordering]
    if len(names) == 1:
        return Q(**{f"{names[0]}__{test}": position[0]})
    first, second = names
    assert len(position) == 2
    beyond = Q(**{f"{first}__{test}": position[0]}) | Q(**{first: position[0], f"{second}__{test}": position[1]})
    return Q(**{f"{first}__{test}e": position[0]}) & beyond
