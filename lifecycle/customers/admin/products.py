"""What is sold and whom it is for. What billing named and nobody placed yet is found by its filter."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from lifecycle.core.admin import EditAdmin
from lifecycle.customers.models import Product

NOT_PLACED = Q(audience_type="", primary_audience="")
LONGEST, MOST = 200, 200


class LinesField(forms.CharField):
    """A list of names, one a line."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(str(line) for line in value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = [line.strip() for line in (super().to_python(value) or "").splitlines()]
        found = list(dict.fromkeys(line for line in lines if line))
        if len(found) > MOST or any(len(line) > LONGEST for line in found):
            raise ValidationError(f"At most {MOST} lines of {LONGEST} characters.")
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.to_python(data))


class ProductForm(forms.ModelForm):  # type: ignore[type-arg]
    references = LinesField(
        required=False,
        help_text="What billing calls it, one a line: prod_123, price_456, SKU-1. Names are found without this.",
    )

    class Meta:
        model = Product
        fields = ["name", "references", "audience_type", "primary_audience"]


class PlacedFilter(admin.SimpleListFilter):
    title, parameter_name = "audience", "placed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        waiting = Product.objects.filter(NOT_PLACED).count()
        return [("no", f"Not mapped yet ({waiting})"), ("yes", "Mapped")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Product]") -> "QuerySet[Product]":
        match self.value():
            case "no":
                return queryset.filter(NOT_PLACED)
            case "yes":
                return queryset.exclude(NOT_PLACED)
        return queryset


@admin.register(Product)
class ProductAdmin(EditAdmin):
    nothing_yet = "What billing names is added here by itself, to be given an audience. You can also add it before."
    form = ProductForm
    list_display = ["name", "placed", "primary_audience", "known_as"]
    list_filter = [PlacedFilter, ("audience_type", ChoicesDropdownFilter)]
    search_fields = ["name", "references__icontains", "primary_audience"]
    search_help_text = "A name, or what billing calls it."
    ordering = ["name"]
    actions = ["for_businesses", "for_people"]
    fieldsets: Any = [
        (None, {"fields": ["name", "references"]}),
        (
            "Whom it is for",
            {
                "fields": [("audience_type", "primary_audience")],
                "description": "Who buys it gets this audience. What was bought before keeps the one it had. Without "
                "one, what the payment itself says counts, or else nobody is tagged.",
            },
        ),
    ]

    @display(description="For", label={"B2B": "primary", "B2C": "info", "not mapped yet": "warning"})
    def placed(self, row: Product) -> str:
        return row.get_audience_type_display() or ("–" if row.primary_audience else "not mapped yet")

    @display(description="Billing calls it")
    def known_as(self, row: Product) -> str:
        shown = ", ".join(str(each) for each in row.references[:3])
        return f"{shown} and {len(row.references) - 3} more" if len(row.references) > 3 else shown or "–"

    def _place(self, request: HttpRequest, rows: "QuerySet[Product]", audience: str) -> None:
        placed = rows.update(audience_type=audience, is_active=True)
        messages.success(request, f"{placed} for {audience.upper()}.")

    @admin.action(description="These are B2B", permissions=["change"])
    def for_businesses(self, request: HttpRequest, rows: "QuerySet[Product]") -> None:
        self._place(request, rows, "b2b")

    @admin.action(description="These are B2C", permissions=["change"])
    def for_people(self, request: HttpRequest, rows: "QuerySet[Product]") -> None:
        self._place(request, rows, "b2c")
