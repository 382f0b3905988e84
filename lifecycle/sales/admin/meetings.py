"""Meetings: what calendars told of, and what was agreed on the phone."""

from datetime import timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from leads.admin.lead import LeadAdmin
from lifecycle.core import clock, wall_clock
from lifecycle.core.admin import EditAdmin, NewestInline, WallClockField, admin_link
from lifecycle.sales import agreeing, bookings
from lifecycle.sales.bookings import Booking, is_zone
from lifecycle.sales.models import Meeting

COLOURS = {"Scheduled": "info", "Held": "success", "No-show": "warning", "Canceled": "danger"}


class WhenFilter(admin.SimpleListFilter):
    title, parameter_name = "when", "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("coming", "Still to come"), ("week", "In the next 7 days"), ("over", "Over")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Meeting]") -> "QuerySet[Meeting]":
        now = clock.now()
        match self.value():
            case "coming":
                return queryset.filter(state=Meeting.State.SCHEDULED, starts_at__gte=now)
            case "week":
                until = now + timedelta(days=7)
                return queryset.filter(state=Meeting.State.SCHEDULED, starts_at__gte=now, starts_at__lt=until)
            case "over":
                return queryset.filter(starts_at__lt=now)
        return queryset


class HostFilter(admin.SimpleListFilter):
    title, parameter_name = "host", "host"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        hosts = Meeting.objects.exclude(host_email="").order_by("host_email").values_list("host_email", flat=True)
        return [(host, host) for host in hosts.distinct()[:50]]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Meeting]") -> "QuerySet[Meeting]":
        return queryset.filter(host_email=self.value()) if self.value() else queryset


class MeetingForm(forms.ModelForm):  # type: ignore[type-arg]
    starts_at = WallClockField(label="Starts at", help_text="By the clock of the time zone below.")
    minutes = forms.IntegerField(
        min_value=5, max_value=600, initial=30, help_text="How long it lasts.", widget=UnfoldAdminIntegerFieldWidget
    )

    class Meta:
        model = Meeting
        fields = ["lead", "event_name", "starts_at", "time_zone", "location", "host_email", "replaces"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "replaces" in self.fields:
            self.fields["event_name"].initial = "Demo"
            ours = timezone.get_current_timezone_name()
            self.fields["time_zone"].help_text = f"The person's, such as Europe/Berlin. Empty: the time is by {ours}."
            self.fields["replaces"].help_text = "If it moves a meeting to another time: that one. It is told as a move."
            self.fields["location"].help_text = "A link or a place; it stands in the confirmation."

    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"]
        if name and not is_zone(name):
            raise forms.ValidationError("No such time zone. Write it as Europe/Berlin.")
        return name

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        self._read_time(given)
        lead, former = given.get("lead"), given.get("replaces")
        if former is not None and lead is not None and former.lead_id != lead.pk:
            self.add_error("replaces", "That is another person's meeting.")
        elif former is not None and former.state != Meeting.State.SCHEDULED:
            self.add_error("replaces", f"That meeting is {former.get_state_display().lower()}, not to be moved.")
        return given

    def _read_time(self, given: dict[str, Any]) -> None:
        """The moment that the written time means in the zone beside it."""
        written, zone = given.get("starts_at"), given.get("time_zone")
        if written is None or zone is None:
            return
        try:
            given["starts_at"] = wall_clock.moment(written, ZoneInfo(zone or timezone.get_current_timezone_name()))
        except wall_clock.NoSuchTime as problem:
            self.add_error("starts_at", str(problem))

    def booking(self) -> Booking:
        given = self.cleaned_data
        former: Meeting | None = given["replaces"]
        return Booking(
            provider=former.provider if former else "",
            reference="",
            event_name=given["event_name"],
            starts_at=given["starts_at"],
            ends_at=given["starts_at"] + timedelta(minutes=given["minutes"]),
            time_zone=given["time_zone"] or given["lead"].timezone,
            location=given["location"],
            host_email=given["host_email"],
            replaces=former.reference if former else "",
        )


@admin.register(Meeting)
class MeetingAdmin(EditAdmin):
    form = MeetingForm
    list_display = ["event_name_shown", "lead_link", "starts_at", "state_badge", "host_email", "booked_at", "provider"]
    list_select_related = ["lead"]
    list_filter = [
        WhenFilter,
        ("state", ChoicesDropdownFilter),
        HostFilter,
        ("starts_at", RangeDateTimeFilter),
        "provider",
    ]
    search_fields = ["=lead__email_normal", "event_name"]
    search_help_text = "A whole address, or words of the meeting's name."
    ordering = ["-starts_at", "-id"]
    autocomplete_fields = ["lead", "replaces"]
    nothing_yet = "No meetings yet: connect a calendar (README of Calendly), or add one that was agreed on the phone."
    actions = ["held", "no_show", "canceled"]
    new = [
        (
            None,
            {
                "fields": [
                    "lead",
                    "event_name",
                    "starts_at",
                    "minutes",
                    "time_zone",
                    "location",
                    "host_email",
                    "replaces",
                ]
            },
        )
    ]
    shown: ClassVar[list[tuple[str | None, dict[str, Any]]]] = [
        (None, {"fields": [("event_name", "state_badge"), "lead_link", "when", "lasts"]}),
        ("Where and with whom", {"fields": ["location", "host_email", "said"]}),
        ("History", {"fields": [("booked_at", "provider"), ("instead_of", "moved_to"), "called_off"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.shown if obj else self.new

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What happened stays; a meeting is moved by adding its new time."""
        if obj is None:
            return []
        return [name for _, part in self.shown for line in part["fields"] for name in _flat(line)]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Meeting, form: Any, change: bool) -> None:
        if not change:
            made = agreeing.agree(obj.lead_id, form.booking(), now=clock.now())
            obj.pk, obj._state.adding = made.pk, False
            obj.refresh_from_db()

    @display(description="Meeting")
    def event_name_shown(self, meeting: Meeting) -> str:
        return meeting.event_name or "Meeting"

    @display(description="Lead")
    def lead_link(self, meeting: Meeting) -> str:
        return admin_link(meeting.lead)

    @display(description="State", label=COLOURS)
    def state_badge(self, meeting: Meeting) -> str:
        return meeting.get_state_display()

    @display(description="When")
    def when(self, meeting: Meeting) -> str:
        """On the person's clock, and on ours where it shows another hour."""
        if meeting.starts_at is None:
            return "Not known"
        ours = timezone.localtime(meeting.starts_at)
        theirs = bookings.when(meeting.starts_at, meeting.time_zone)
        here = f"{ours:%H:%M} {ours.tzname()}"
        return theirs if f"{ours:%H:%M} ({ours.tzname()})" in theirs else f"{theirs}, {here}"

    @display(description="Lasts")
    def lasts(self, meeting: Meeting) -> str:
        if meeting.starts_at is None or meeting.ends_at is None:
            return "–"
        return f"{(meeting.ends_at - meeting.starts_at).total_seconds() // 60:.0f} minutes"

    @display(description="Said when booking")
    def said(self, meeting: Meeting) -> str:
        rows = ((row.get("question", ""), row.get("answer", "")) for row in meeting.answers)
        return format_html("{}", format_html_join("", "<p><b>{}</b><br>{}</p>", rows)) if meeting.answers else "–"

    @display(description="In place of")
    def instead_of(self, meeting: Meeting) -> str:
        return admin_link(meeting.replaces) if meeting.replaces else "–"

    @display(description="Moved to")
    def moved_to(self, meeting: Meeting) -> str:
        later = Meeting.objects.filter(replaces=meeting).first()
        return admin_link(later) if later else "–"

    @display(description="Called off")
    def called_off(self, meeting: Meeting) -> str:
        if meeting.canceled_at is None:
            return "–"
        if meeting.state == Meeting.State.SCHEDULED and meeting.new_time_until:
            return f"Given up for another time, which is waited for until {meeting.new_time_until:%Y-%m-%d %H:%M} UTC"
        by = f" by {meeting.canceled_by}" if meeting.canceled_by else ""
        why = f": {meeting.cancel_reason}" if meeting.cancel_reason else ""
        return f"{meeting.canceled_at:%Y-%m-%d %H:%M} UTC{by}{why}"

    @admin.action(description="Took place", permissions=["change"])
    def held(self, request: HttpRequest, rows: "QuerySet[Meeting]") -> None:
        self._say(request, rows, "held")

    @admin.action(description="No-show: did not come", permissions=["change"])
    def no_show(self, request: HttpRequest, rows: "QuerySet[Meeting]") -> None:
        self._say(request, rows, "no_show")

    @admin.action(description="Canceled: tell the person", permissions=["change"])
    def canceled(self, request: HttpRequest, rows: "QuerySet[Meeting]") -> None:
        self._say(request, rows, "canceled")

    def _say(self, request: HttpRequest, rows: "QuerySet[Meeting]", verdict: str) -> None:
        now, by = clock.now(), str(request.user)
        chosen = list(rows.order_by("lead_id", "pk"))
        done = sum(agreeing.say(meeting, verdict, by=by, now=now) for meeting in chosen)
        messages.success(request, f"{done} {Meeting.State(verdict).label.lower()}.")
        if len(chosen) > done:
            messages.warning(request, f"{len(chosen) - done} left as they were: so already, moved, or canceled.")


def _flat(line: Any) -> tuple[str, ...]:
    return (line,) if isinstance(line, str) else tuple(line)


class MeetingTab(NewestInline):
    model = Meeting
    verbose_name_plural = "meetings"
    ordering = ["-starts_at", "-id"]
    fields = ["meeting_link", "starts_at", "state", "host_email", "location"]
    readonly_fields = ["meeting_link"]

    @display(description="Meeting")
    def meeting_link(self, meeting: Meeting) -> str:
        return admin_link(meeting)


LeadAdmin.add_tab(MeetingTab)
