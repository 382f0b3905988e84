"""The bases of our admin pages."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.forms import BaseInlineFormSet
from django.http import Http404, HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminTextareaWidget

from .paginator import EstimatedPaginator

NEWEST = 50


class EditAdmin(ModelAdmin):
    """A page to edit rows of a table that may be large: no full counts, no select of all people."""

    paginator = EstimatedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    list_filter_submit = True
    warn_unsaved_form = True
    nothing_yet = ""  # what would stand in the list, while it is empty
    formfield_overrides = {models.TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})}}

    def get_actions(self, request: HttpRequest) -> Any:
        """Without Django's bulk delete: it loads every row and everything that hangs on it."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_urls(self) -> Any:
        """Unfold hands its actions what stands in the address: what can be no row's id is not found."""
        urls = super().get_urls()
        ours = {action.action_name for action in self._get_base_actions_detail()}
        for url in urls:
            if getattr(url, "name", None) in ours:
                url.callback = _of_a_row(self.opts.pk, url.callback)
        return urls


def _of_a_row(pk: Any, view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def looked_at(request: HttpRequest, object_id: str, **kwargs: Any) -> Any:
        try:
            pk.clean(object_id, None)
        except ValidationError:
            raise Http404(f"“{object_id[:40]}” is no id.") from None
        return view(request, object_id=object_id, **kwargs)

    return looked_at


class InsertOnlyAdmin(EditAdmin):
    """Rows to look at. Nobody adds, changes or deletes them here, whatever the permissions say."""

    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class NewestFormSet(PaginationInlineFormSet):
    """At most the `NEWEST` first rows of the inline's own order, however many there are."""

    def get_queryset(self) -> Any:
        if not hasattr(self, "_queryset"):
            self._queryset: Any = BaseInlineFormSet.get_queryset(self)[:NEWEST]
        return self._queryset


class NewestInline(TabularInline):
    """The newest rows of something that belongs to the page's object, to look at, in a tab of their own."""

    formset = NewestFormSet
    extra = 0
    max_num = 0
    can_delete = False
    tab = True
    hide_title = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
