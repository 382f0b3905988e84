"""Broadcasts: what goes to whom and when, and every way to set it going or end it."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from campaigns.admin import badges
from campaigns.admin.broadcast_dialogs import (
    PauseDialog,
    ResumeDialog,
    SendNowDialog,
    StartDialog,
    StopDialog,
    TestDialog,
    next_in_words,
    recipients_in_words,
)
from campaigns.admin.broadcast_form import BroadcastForm, ChangeTab, MailInline, RunTab
from campaigns.admin.broadcast_runs import bar, clicks, numbers, runs_of
from campaigns.broadcasts import checking, control, scheduling, testing
from campaigns.models import Broadcast, BroadcastRun
from leads.rule_fields import VOCABULARY
from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin, dialog, english
from lifecycle.core.admin.frames import reload_page

Status = Broadcast.Status


@admin.register(Broadcast)
class BroadcastAdmin(EditAdmin):
    form = BroadcastForm
    list_display = ["name", "status_badge", "goes_next", "last_progress", "last_sent", "last_clicks"]
    list_select_related = ["crontab"]
    list_filter = [("status", ChoicesDropdownFilter), "segment"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["template", "segment", "excluded_segments"]
    inlines = [MailInline, RunTab, ChangeTab]
    actions_detail = ["schedule", "send_now", "test", "pause", "resume", "stop"]
    change_form_after_template = "admin/campaigns/broadcast_preview.html"
    fieldsets = [
        (None, {"fields": [("name", "slug"), "description", ("status_badge", "standing")]}),
        ("Who gets it", {"fields": ["segment", "excluded_segments", "excluded_rule", "left_out_in_words", "people"]}),
        ("The mail", {"fields": ["template", "in_turn", ("test_percent", "test_wait")]}),
        ("When", {"fields": ["send_at", "crontab", "window", ("late_after", "per_hour"), "priority"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        shown = ["status_badge", "standing", "left_out_in_words", "people"]
        return ["slug", *shown] if obj else shown

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else super().get_prepopulated_fields(request, obj)

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return self.inlines if obj else [MailInline]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("crontab", "segment", "template")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changes = super().get_changelist_instance(request)
        newest = runs_of([broadcast.pk for broadcast in changes.result_list])
        for broadcast in changes.result_list:
            broadcast.newest = newest.get(broadcast.pk)
        return changes

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only what was never sent: the history of the others stays."""
        return super().has_delete_permission(request, obj) and bool(obj and not obj.runs.exists())

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        for problem in checking.problems_of(form.instance, now=clock.now()):
            messages.warning(request, f"Before it can go out: {problem}")

    @display(description="Status", label=badges.BROADCAST)
    def status_badge(self, broadcast: Any) -> str:
        newest = getattr(broadcast, "newest", None)
        if broadcast.status == Status.SCHEDULED and newest and newest.state in BroadcastRun.OPEN:
            return newest.get_state_display()
        return broadcast.get_status_display() or ""

    @display(description="Next")
    def goes_next(self, broadcast: Broadcast) -> str:
        return broadcast.note or next_in_words(broadcast, now=clock.now())

    @display(description="Last sending")
    def last_progress(self, broadcast: Any) -> str:
        return bar(broadcast.newest) if broadcast.newest else "Not sent yet"

    @display(description="Sent · failed · open")
    def last_sent(self, broadcast: Any) -> str:
        return numbers(broadcast.newest) if broadcast.newest else "–"

    @display(description="Clicked")
    def last_clicks(self, broadcast: Any) -> str:
        return clicks(broadcast.newest) if broadcast.newest else "–"

    @display(description="How it stands")
    def standing(self, broadcast: Broadcast) -> str:
        if broadcast.pk is None:
            return "A draft sends nothing. Save it, send yourself a test, then schedule it."
        left = f"{len(scheduling.left_in_turn(broadcast))} mails of the series are left." if broadcast.in_turn else ""
        following = next_in_words(broadcast, now=clock.now())
        said = broadcast.note or ("" if following == "–" else f"Next on {following}.")
        return " ".join(part for part in (said, left) if part) or "–"

    @display(description="In words")
    def left_out_in_words(self, broadcast: Broadcast) -> str:
        rule = broadcast.excluded_rule
        return f"Left out: {english(rule, VOCABULARY)}" if rule else "Nobody is left out by a rule."

    @display(description="Recipients right now")
    def people(self, broadcast: Broadcast) -> str:
        if broadcast.pk is None:
            return "Save the broadcast to see how many people would get it."
        return recipients_in_words(broadcast, now=clock.now())

    def has_start_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, Status.DRAFT, Status.DONE, Status.STOPPED)

    def has_send_now_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_start_permission(request, object_id) and not self._row(request, object_id).crontab_id

    def has_pause_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, Status.SCHEDULED)

    def has_resume_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, Status.PAUSED)

    def has_stop_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, Status.SCHEDULED, Status.PAUSED)

    def _may(self, request: HttpRequest, object_id: Any, *statuses: str) -> bool:
        if not self.has_change_permission(request):
            return False
        row = self._row(request, object_id) if object_id else None
        return row is None or row.status in statuses

    def _row(self, request: Any, object_id: Any) -> Broadcast:
        """Looked up once a request, however many buttons ask."""
        if not hasattr(request, "broadcast_asked_for"):
            found = Broadcast.objects.filter(pk=object_id).first() if str(object_id).isdecimal() else None
            request.broadcast_asked_for = found or Broadcast()
        return request.broadcast_asked_for

    @action(
        description="Schedule",
        url_path="schedule",
        icon="event",
        variant=ActionVariant.PRIMARY,
        permissions=["start"],
        dialog=dialog("Schedule this broadcast", "", "Schedule", StartDialog),
    )
    def schedule(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponseBase:
        return self._started(request, object_id, at_once=False)

    @action(
        description="Send now",
        url_path="send-now",
        icon="send",
        permissions=["send_now"],
        dialog=dialog("Send this broadcast now", "", "Send now", SendNowDialog),
    )
    def send_now(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponseBase:
        return self._started(request, object_id, at_once=True)

    @action(
        description="Send a test",
        url_path="test",
        icon="forward_to_inbox",
        permissions=["change"],
        dialog=dialog("Send a test", "Each of its mails, marked [Test]. No report counts them.", "Send", TestDialog),
    )
    def test(self, request: HttpRequest, form: TestDialog, object_id: str) -> HttpResponseBase:
        broadcast = Broadcast.objects.get(pk=object_id)
        to, lead = form.cleaned_data["to"], form.cleaned_data["lead"]
        done = testing.send_test(broadcast, to=to, lead=lead, now=clock.now())
        for problem in done.problems:
            messages.error(request, f"Not sent. {problem}")
        if done.sent:
            messages.success(request, f"{done.sent} test mail{'s are' if done.sent > 1 else ' is'} on the way.")
        return reload_page(request, broadcast)

    @action(
        description="Pause",
        url_path="pause",
        icon="pause",
        permissions=["pause"],
        dialog=dialog("Pause this broadcast", "", "Pause", PauseDialog),
    )
    def pause(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponseBase:
        broadcast = Broadcast.objects.get(pk=object_id)
        held = control.pause(broadcast, actor=request.user, now=clock.now())  # type: ignore[arg-type]
        messages.success(request, "It is not going." if held is None else f"Paused; {held:,} people wait.")
        return reload_page(request, broadcast)

    @action(
        description="Resume",
        url_path="resume",
        icon="play_arrow",
        variant=ActionVariant.PRIMARY,
        permissions=["resume"],
        dialog=dialog("Resume this broadcast", "", "Resume", ResumeDialog),
    )
    def resume(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponseBase:
        broadcast = Broadcast.objects.get(pk=object_id)
        try:
            free = control.resume(broadcast, actor=request.user, now=clock.now())  # type: ignore[arg-type]
            messages.success(request, "It is not paused." if free is None else f"Goes on; {free:,} people are let go.")
        except checking.BroadcastRefused as refused:
            self._complain(request, refused)
        return reload_page(request, broadcast)

    @action(
        description="Stop",
        url_path="stop",
        icon="stop_circle",
        variant=ActionVariant.DANGER,
        permissions=["stop"],
        dialog=dialog("Stop this broadcast", "", "Stop it", StopDialog),
    )
    def stop(self, request: HttpRequest, form: StopDialog, object_id: str) -> HttpResponseBase:
        broadcast, reason = Broadcast.objects.get(pk=object_id), form.cleaned_data["reason"]
        stopped = control.stop(broadcast, actor=request.user, reason=reason, now=clock.now())  # type: ignore[arg-type]
        messages.success(request, f"Stopped; {stopped:,} mails were canceled.")
        return reload_page(request, broadcast)

    def _started(self, request: HttpRequest, object_id: str, *, at_once: bool) -> HttpResponseBase:
        broadcast = Broadcast.objects.get(pk=object_id)
        try:
            new = control.schedule(broadcast, actor=request.user, now=clock.now(), at_once=at_once)  # type: ignore[arg-type]
            messages.success(request, "It is scheduled." if new else "It is going already.")
        except checking.BroadcastRefused as refused:
            self._complain(request, refused)
        return reload_page(request, broadcast)

    def _complain(self, request: HttpRequest, refused: checking.BroadcastRefused) -> None:
        for problem in refused.problems:
            messages.error(request, f"Not scheduled. {problem}")
