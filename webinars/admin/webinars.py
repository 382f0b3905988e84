"""Webinars: planned, opened, moved, called off, published. Never deleted: their codes stand in people's history."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from leads.models import Workspace
from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin, NewestInline, admin_link, dialog
from lifecycle.core.admin.frames import reload_page
from webinars import codes, moving, showing, syncing, telling
from webinars.admin.attendance import AttendancePages
from webinars.admin.dialogs import CancelDialog, MoveDialog, OpenDialog, PublishDialog
from webinars.admin.webinar_form import WebinarForm
from webinars.models import Registration, Speaker, Webinar
from webinars.moving import ChangeError, Slot

STANDING, WHEN = "How it stands", "When"
TIME = ["starts_at", "minutes", "time_zone"]
PHASES = {
    "draft": "Draft",
    "canceled": "Canceled",
    "before": "Open",
    "live": "Live now",
    "over": "Over",
}
COLOURS = {"Draft": "info", "Canceled": "danger", "Open": "success", "Live now": "warning"}


class SpeakerInline(TabularInline):
    model = Speaker
    extra = 1
    fields = ["name", "title", "bio", "position"]
    hide_title = True
    formfield_overrides = EditAdmin.formfield_overrides


class PeopleTab(NewestInline):
    model = Registration
    verbose_name_plural = "newest registrations"
    ordering = ["-registered_at", "-id"]
    fields = ["who", "state", "registered_at", "source", "organization_type", "attendance"]
    readonly_fields = ["who"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("lead")

    @display(description="Person")
    def who(self, registration: Registration) -> str:
        return admin_link(registration.lead)


@admin.register(Webinar)
class WebinarAdmin(AttendancePages, EditAdmin):
    form = WebinarForm
    list_display = ["code", "title", "phase", "when", "seats", "waiting_for_a_seat", "were_there", "page"]
    list_display_links = ["code", "title"]
    list_filter = [("state", ChoicesDropdownFilter), "starts_at"]
    search_fields = ["code", "title", "speakers__name"]
    inlines = [SpeakerInline, PeopleTab]
    actions_detail = ["open_up", "move", "attendance", "publish", "cancel"]
    nothing_yet = "A webinar begins as a draft that only colleagues see. Its code is given when you save it."
    fieldsets = [
        (None, {"fields": ["title", "summary", "description"]}),
        (STANDING, {"fields": ["phase", "people", "address"]}),
        (WHEN, {"fields": ["starts_at", ("minutes", "time_zone")]}),
        ("Where, and for how many", {"fields": ["join_url", ("capacity", "zoom_id"), "survey_url"]}),
        ("Afterwards", {"fields": [("recording_url", "attended_after")]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        shown = ["phase", "people", "address", "recording_url", "when"]
        return shown if obj is None or obj.state == Webinar.State.DRAFT else [*shown, *TIME]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Once it is open, its time is changed by a dialog that says who is told."""
        if obj is None:
            return [part for part in self.fieldsets if part[0] != STANDING]
        if obj.state == Webinar.State.DRAFT:
            return self.fieldsets
        return [(name, {"fields": ["when"]} if name == WHEN else rest) for name, rest in self.fieldsets]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"time_zone": Workspace.load().time_zone, **super().get_changeform_initial_data(request)}

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return self.inlines if obj else [SpeakerInline]

    def get_queryset(self, request: HttpRequest) -> Any:
        return Webinar.objects.counted()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Webinar, form: Any, change: bool) -> None:
        """Only what was changed here: a date that somebody else moved meanwhile stays moved."""
        now = clock.now()
        if not change:
            codes.create(obj, now=now)
            return
        changed = set(form.changed_data) - {"capacity"}
        if "time_zone" in changed:
            changed.add("starts_at")  # the same hour by another clock
        obj.updated_at = now
        obj.save(update_fields=[*changed, "updated_at"])
        if "zoom_id" in form.changed_data:
            syncing.begin_anew(obj.pk, now=now)
        if "capacity" in form.changed_data and (given := moving.resize(obj.pk, obj.capacity, now=now)):
            messages.success(request, f"{given} people who waited have a seat now, and are told.")

    @display(description="State", label=COLOURS)
    def phase(self, webinar: Webinar) -> str:
        return PHASES[showing.phase(webinar, now=clock.now())] if webinar.pk else "Draft"

    @display(description="Takes place", ordering="starts_at")
    def when(self, webinar: Webinar) -> str:
        return telling.when(webinar)

    @display(description="Registered", ordering="seated")
    def seats(self, webinar: Any) -> str:
        return f"{webinar.seated:,}" + (f" of {webinar.capacity:,}" if webinar.capacity else "")

    @display(description="Waiting", ordering="waiting")
    def waiting_for_a_seat(self, webinar: Any) -> str:
        return f"{webinar.waiting:,}" if webinar.waiting else "–"

    @display(description="Attended", ordering="attended")
    def were_there(self, webinar: Any) -> str:
        return f"{webinar.attended:,}" if webinar.attended else "–"

    @display(description="Page")
    def page(self, webinar: Webinar) -> str:
        return format_html(
            '<a class="text-link nowrap" href="{}">{}</a>', reverse("webinar", args=[webinar.code]), "See it"
        )

    @display(description="Page")
    def address(self, webinar: Webinar) -> str:
        """Written out, as it is what gets copied into announcements."""
        return format_html('<a class="text-link" href="{}">{}</a>', *[telling.public_url(webinar)] * 2)

    @display(description="People")
    def people(self, webinar: Any) -> str:
        url = reverse("admin:webinars_registration_changelist") + f"?webinar__id__exact={webinar.pk}"
        words = f"{self.seats(webinar)} registered, {webinar.waiting:,} waiting, {webinar.attended:,} attended"
        return format_html('<a class="text-link" href="{}">{}</a>', url, words)

    def has_open_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, "draft")

    def has_move_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, "before", "live")

    def has_cancel_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, "draft", "before", "live")

    def has_publish_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, "live", "over")

    def _may(self, request: Any, object_id: Any, *phases: str) -> bool:
        if not self.has_change_permission(request):
            return False
        if not object_id:
            return True
        if not hasattr(request, "webinar_asked_for"):  # looked up once, however many buttons ask
            request.webinar_asked_for = Webinar.objects.filter(pk=object_id).first()
        webinar = request.webinar_asked_for
        return webinar is not None and showing.phase(webinar, now=clock.now()) in phases

    @action(
        description="Open for registration",
        url_path="open",
        icon="lock_open",
        variant=ActionVariant.PRIMARY,
        permissions=["open"],
        dialog=dialog("Open this webinar for registration", "", "Open it", OpenDialog),
    )
    def open_up(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponseBase:
        return self._done(
            request, object_id, lambda pk: moving.open_up(pk, now=clock.now()), "Opened for registration."
        )

    @action(
        description="Move",
        url_path="move",
        icon="event_repeat",
        permissions=["move"],
        dialog=dialog("Give this webinar another time", "", "Move it and tell them", MoveDialog),
    )
    def move(self, request: HttpRequest, form: MoveDialog, object_id: str) -> HttpResponseBase:
        slot = Slot(form.cleaned_data["starts_at"], form.cleaned_data["minutes"], form.cleaned_data["time_zone"])
        words = "Moved to {when}; {people} told."
        return self._done(request, object_id, lambda pk: moving.move(pk, slot, now=clock.now()), words)

    @action(
        description="Publish the recording",
        url_path="publish",
        icon="smart_display",
        variant=ActionVariant.PRIMARY,
        permissions=["publish"],
        dialog=dialog("Publish the recording", "", "Publish", PublishDialog),
    )
    def publish(self, request: HttpRequest, form: PublishDialog, object_id: str) -> HttpResponseBase:
        url = form.cleaned_data["recording_url"]
        return self._done(
            request,
            object_id,
            lambda pk: moving.publish(pk, url, now=clock.now()),
            "The recording is on the page; {people} told.",
        )

    @action(
        description="Cancel",
        url_path="cancel",
        icon="event_busy",
        variant=ActionVariant.DANGER,
        permissions=["cancel"],
        dialog=dialog("Cancel this webinar", "", "Cancel it and tell them", CancelDialog),
    )
    def cancel(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponseBase:
        return self._done(request, object_id, lambda pk: moving.cancel(pk, now=clock.now()), "Canceled; {people} told.")

    def _done(self, request: HttpRequest, object_id: str, act: Any, words: str) -> HttpResponseBase:
        webinar = Webinar.objects.get(pk=object_id)
        try:
            told = act(webinar.pk)
            webinar.refresh_from_db()
            people = f"{told:,} people are" if told != 1 else "1 person is"
            said = words.format(people=people, when=telling.when(webinar))
            messages.success(request, said)
            self.log_change(request, webinar, said)
        except ChangeError as refused:
            messages.error(request, str(refused))
        return reload_page(request, webinar)
