"""A question between choosing rows in a list and doing something with them."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse

ANSWERED = "_answered"
Answered = Callable[[Any, HttpRequest, "QuerySet[Any]", Any], HttpResponseBase | None]
Action = Callable[[Any, HttpRequest, "QuerySet[Any]"], HttpResponseBase | None]


def dialog(title: str, description: str, submit: str, form: type[forms.Form] | None = None) -> dict[str, Any]:
    """What Unfold asks before an action on one row: a sentence, or `form`, and a button."""
    return {"title": title, "description": description, "form_class": form, "form_submit_text": submit}


def asking(form_class: type[forms.Form], *, title: str, submit: str) -> Callable[[Answered], Action]:
    """Make a bulk action ask `form_class` on a page of its own; it is then called with the valid form as well."""

    def decorate(action: Answered) -> Action:
        @wraps(action)
        def ask(admin: Any, request: HttpRequest, rows: "QuerySet[Any]") -> HttpResponseBase | None:
            form = form_class(request.POST if ANSWERED in request.POST else None)
            if form.is_valid():
                return action(admin, request, rows, form)
            return _page(admin, request, rows, {"form": form, "title": title, "submit_text": submit})

        return ask

    return decorate


def _page(admin: Any, request: HttpRequest, rows: "QuerySet[Any]", context: dict[str, Any]) -> TemplateResponse:
    across = request.POST.get("select_across", "0")
    chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
    context |= {
        **admin.admin_site.each_context(request),
        "opts": admin.model._meta,
        "action": request.POST["action"],
        "across": across,
        "chosen": chosen[:1] if across == "1" else chosen,
        "count": rows.count(),
        "answered": ANSWERED,
        "checkbox": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/ask.html", context)
