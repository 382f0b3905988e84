"""Sums above a list, of all the rows that its filters leave."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase

from lifecycle.customers.admin.showing import sums


class TotalsMixin:
    """`totals`: heading → column. Amounts of different currencies are never added up."""

    list_before_template = "admin/customers/totals.html"
    totals: dict[str, str] = {}

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        answer: Any = super().changelist_view(request, extra_context)  # type: ignore[misc]
        listed = getattr(answer, "context_data", None) and answer.context_data.get("cl")
        if listed is not None:
            names = {f"sum_{number}": column for number, column in enumerate(self.totals.values())}
            found = sums(listed.queryset, **names)
            answer.context_data["totals"] = [
                [(heading, row[name]) for heading, name in zip(self.totals, names, strict=True)] for row in found
            ]
        return answer
