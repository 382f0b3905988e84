"""Who comes to which webinar: to look at, to add by hand, to give a seat back, and as a file."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.html import format_html_join
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import display

from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin, admin_link, asking
from webinars import exporting, registering
from webinars.admin.zoom import ZoomSync
from webinars.models import Registration

State = Registration.State
COLOURS = {"Registered": "success", "On the waiting list": "warning", "Canceled": "danger"}


class AddForm(forms.ModelForm):  # type: ignore[type-arg]
    """Somebody who asked by phone or mail. They get what everybody gets: seat or waiting list, mail, calendar."""

    class Meta:
        model = Registration
        fields = ["webinar", "lead"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        webinar = cleaned.get("webinar")
        if webinar and (why := registering.closed(webinar, now=clock.now())):
            self.add_error("webinar", why)
        return cleaned

    def _get_validation_exclusions(self) -> set[str]:
        """Once a person and a webinar is not checked here: who canceled may come back."""
        return super()._get_validation_exclusions() | {"lead"}  # type: ignore[misc]


class SureForm(forms.Form):
    """Nothing to fill in."""


@admin.register(Registration)
class RegistrationAdmin(ZoomSync, EditAdmin):
    list_display = ["who", "webinar_code", "state_badge", "registered_at", "source", "attendance", "stayed"]
    list_display_links = ["who"]
    list_filter = [
        ("webinar", AutocompleteSelectFilter),
        ("state", ChoicesDropdownFilter),
        ("attendance", ChoicesDropdownFilter),
        ("sync__state", ChoicesDropdownFilter),
        "source",
    ]
    list_select_related = ["lead", "webinar"]
    search_fields = ["lead__email_normal", "lead__last_name", "webinar__code"]
    autocomplete_fields = ["webinar", "lead"]
    ordering = ["-registered_at", "-id"]
    date_hierarchy = None
    actions = ["cancel_chosen", "tell_zoom_again", "export_chosen"]
    nothing_yet = "Who registers by a page, a form or the API shows here."
    fields = [
        ("lead_link", "webinar_link"),
        ("state_badge", "source"),
        ("registered_at", "seated_at", "canceled_at"),
        ("organization_type", "further"),
        ("attendance", "stayed"),
        ("zoom", "own_link"),
    ]
    for_calendars: ClassVar[list[tuple[str, ...]]] = [("uid", "sequence")]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if obj else {"form": AddForm}), **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["webinar", "lead"]})]
        last = {"fields": self.for_calendars, "classes": ["collapse"]}
        return [(None, {"fields": self.fields}), ("What calendars know it by", last)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What somebody said and did is not rewritten; the list's actions change it properly."""
        return [name for row in [*self.fields, *self.for_calendars] for name in row] if obj else []

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The list's actions need it; a single row is to look at."""
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("leads.export_lead")

    def save_model(self, request: HttpRequest, obj: Registration, form: Any, change: bool) -> None:
        done = registering.register(obj.webinar_id, obj.lead_id, source="admin", now=clock.now())
        obj.pk = done.registration_id
        obj.refresh_from_db()
        if not done.is_new:
            messages.info(request, "They were registered already; nothing changed.")
        elif obj.state == State.WAITING:
            messages.warning(request, "All seats are taken: they are on the waiting list.")

    @admin.action(description="Give the seat back …", permissions=["change"])
    @asking(SureForm, title="Give these seats back? Each is told, and the next who waits gets it", submit="Give back")
    def cancel_chosen(self, request: HttpRequest, rows: "QuerySet[Registration]", form: SureForm) -> None:
        now = clock.now()
        done = [row for row in rows if registering.cancel(row.pk, now=now)]
        for row in done:
            self.log_change(request, row, "Gave the seat back.")
        messages.success(request, f"{len(done)} given back.")

    @admin.action(description="Export as CSV", permissions=["export"])
    def export_chosen(self, request: HttpRequest, rows: "QuerySet[Registration]") -> HttpResponseBase:
        """Who took how many goes into the admin's log."""
        LogEntry.objects.create(
            user_id=int(request.user.pk or 0),
            content_type=ContentType.objects.get_for_model(Registration),
            object_repr=f"{rows.count():,} registrations",
            action_flag=CHANGE,
            change_message="Exported as CSV.",
        )
        lines = exporting.registrations_csv(rows.select_related(None))
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="registrations-{clock.now():%Y-%m-%d}.csv"'
        return response

    @display(description="Person", ordering="lead__email_normal")
    def who(self, registration: Registration) -> str:
        return registration.lead.email

    @display(description="Person")
    def lead_link(self, registration: Registration) -> str:
        return admin_link(registration.lead)

    @display(description="Further answers")
    def further(self, registration: Registration) -> str:
        said = registration.answers.items()
        return format_html_join("", "<p><b>{}</b><br>{}</p>", said) if said else "–"

    @display(description="Webinar")
    def webinar_link(self, registration: Registration) -> str:
        return admin_link(registration.webinar)

    @display(description="Webinar", ordering="webinar__code")
    def webinar_code(self, registration: Registration) -> str:
        return registration.webinar.code

    @display(description="State", label=COLOURS)
    def state_badge(self, registration: Registration) -> str:
        return str(State(registration.state).label)

    @display(description="Stayed", ordering="attended_seconds")
    def stayed(self, registration: Registration) -> str:
        return f"{registration.attended_seconds // 60} min" if registration.attended_seconds else "–"
