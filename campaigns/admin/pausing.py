"""Holding a sequence and letting it go on, from its page. Each question says whom it touches."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextInputWidget

from campaigns import actions
from campaigns.models import Sequence, SequenceChange
from campaigns.running import pausing
from lifecycle.core import clock
from lifecycle.core.admin import dialog
from lifecycle.core.admin.frames import reload_page

WAYS = [
    ("shift", "Later, by as long as it stood still"),
    ("recompute", "By the old plan, what is overdue at once"),
    ("skip_late", "By the old plan, without what is overdue"),
]
WAYS_HELP = (
    "Later: every wait goes on where it was. By the old plan: days stay as they were; mails that fell due meanwhile "
    "leave now, under caps and rate limits, or are skipped."
)


class PauseDialog(BaseDialogForm):
    """Shows whom it touches, and asks why."""

    form_before_template = "admin/campaigns/touched.html"
    reason = forms.CharField(
        label="Why",
        max_length=250,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Kept in the sequence's history. May stay empty.",
    )

    def get_before_template_context(self, request: HttpRequest, object_id: Any = None) -> dict[str, Any]:
        sequence = Sequence.objects.get(pk=object_id)
        return {"sequence": sequence, "touched": pausing.touches(sequence, now=clock.now())}


class ResumeDialog(PauseDialog):
    how = forms.ChoiceField(
        label="How people go on",
        choices=WAYS,
        help_text=WAYS_HELP,
        initial="shift",
        required=False,
        widget=UnfoldAdminRadioSelectWidget,
    )
    field_order = ["how", "reason"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not Sequence.objects.filter(pk=self.object_id, frozen_at__isnull=False).exists():
            del self.fields["how"]  # people inside of a paused one never stood still


Verb = Callable[..., SequenceChange | None]


class PausingActions:
    """For the page of a sequence."""

    @action(
        description="Pause entries",
        url_path="pause",
        icon="pause",
        permissions=["change"],
        dialog=dialog("Pause entries", "Nobody new enters. People inside go on to their end.", "Pause", PauseDialog),
    )
    def pause(self, request: HttpRequest, form: PauseDialog, object_id: str) -> HttpResponseBase:
        return _done(request, form, object_id, actions.pause, "Paused. People inside go on.")

    @action(
        description="Freeze everything",
        url_path="freeze",
        icon="ac_unit",
        permissions=["change"],
        dialog=dialog(
            "Freeze everything",
            "Everything stands still: no step, no mail, for nobody inside. Who enters meanwhile waits. "
            "Goals and unsubscribes still end runs. You choose how it goes on when you resume.",
            "Freeze",
            PauseDialog,
        ),
    )
    def freeze(self, request: HttpRequest, form: PauseDialog, object_id: str) -> HttpResponseBase:
        return _done(request, form, object_id, actions.freeze, "Frozen. Everything stands still.")

    @action(
        description="Resume",
        url_path="resume",
        icon="play_arrow",
        permissions=["change"],
        dialog=dialog("Resume", "It goes on as it was before.", "Resume", ResumeDialog),
    )
    def resume(self, request: HttpRequest, form: ResumeDialog, object_id: str) -> HttpResponseBase:
        how = form.cleaned_data.get("how") or "shift"
        return _done(request, form, object_id, actions.resume, "It goes on.", how=how)

    @action(
        description="Drain",
        url_path="drain",
        icon="hourglass_bottom",
        permissions=["change"],
        dialog=dialog(
            "Drain",
            "Nobody enters any more. People inside go on, and it stops by itself with the last one's end.",
            "Drain",
            PauseDialog,
        ),
    )
    def drain(self, request: HttpRequest, form: PauseDialog, object_id: str) -> HttpResponseBase:
        return _done(request, form, object_id, actions.drain, "Draining. It stops with the last one's end.")

    @action(
        description="Stop",
        url_path="stop",
        icon="stop_circle",
        variant=ActionVariant.DANGER,
        permissions=["change"],
        dialog=dialog(
            "Stop the sequence",
            "Everybody inside leaves at once and nothing more of it is sent. Publishing a draft starts it again.",
            "Stop it",
            PauseDialog,
        ),
    )
    def stop(self, request: HttpRequest, form: PauseDialog, object_id: str) -> HttpResponseBase:
        return _done(request, form, object_id, actions.stop, "Stopped. Everybody inside has left.")


def _done(
    request: HttpRequest, form: PauseDialog, object_id: str, verb: Verb, said: str, **how: Any
) -> HttpResponseBase:
    sequence = Sequence.objects.get(pk=object_id)
    before = sequence.get_status_display().lower()
    reason = form.cleaned_data["reason"]
    change = verb(sequence, now=clock.now(), actor=request.user, reason=reason, **how)
    if change is None:
        messages.warning(request, f"Nothing changed: the sequence is {before}.")
    else:
        messages.success(request, f"{said} {_counts(change.detail)}".strip())
    return reload_page(request, sequence)


def _counts(detail: dict[str, Any]) -> str:
    """“(12 people, 3 mails, 1 skipped)”; nothing where nobody was inside."""
    people, mails, skipped = (detail.get(name, 0) for name in ("people", "mails", "skipped"))
    told = [
        f"{people:,} {'person' if people == 1 else 'people'}" if people else "",
        f"{mails:,} {'mail' if mails == 1 else 'mails'}" if mails else "",
        f"{skipped:,} skipped" if skipped else "",
    ]
    return f"({', '.join(filter(None, told))})" if any(told) else ""
