"""What is asked before a broadcast does something, with the numbers it is about."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from campaigns.broadcasts import audience, checking, holding, occurring, scheduling, testing
from campaigns.models import Broadcast, BroadcastRun, Message
from leads.models import Lead, Workspace
from lifecycle.core import clock
from lifecycle.core.rules import RuleError


class NumbersDialog(BaseDialogForm):
    """Says whom it touches before it is done."""

    form_before_template = "admin/campaigns/broadcast_numbers.html"

    def get_before_template_context(self, request: HttpRequest, object_id: Any = None) -> dict[str, Any]:
        broadcast = Broadcast.objects.select_related("crontab", "segment", "template").get(pk=object_id)
        return self.numbers(broadcast)

    def numbers(self, broadcast: Broadcast) -> dict[str, Any]:
        raise NotImplementedError


class StartDialog(NumbersDialog):
    def numbers(self, broadcast: Broadcast) -> dict[str, Any]:
        now = clock.now()
        if problems := checking.problems_of(broadcast, now=now):
            return {"problems": problems}
        lines = [recipients_in_words(broadcast, now=now), self.when(broadcast, now)]
        if broadcast.per_hour:
            lines.append(f"At most {broadcast.per_hour:,} mails an hour.")
        return {"lines": lines}

    def when(self, broadcast: Broadcast, now: datetime) -> str:
        return f"It goes out {moment_in_words(broadcast, now=now)}."


class SendNowDialog(StartDialog):
    def when(self, broadcast: Broadcast, now: datetime) -> str:
        return "It goes out at once."


class PauseDialog(NumbersDialog):
    def numbers(self, broadcast: Broadcast) -> dict[str, Any]:
        return {"lines": [f"{_open(broadcast):,} people of it are not mailed yet; they wait until you resume it."]}


class ResumeDialog(NumbersDialog):
    def numbers(self, broadcast: Broadcast) -> dict[str, Any]:
        waiting = _messages(broadcast).filter(is_held=True, reason=holding.PAUSED).count()
        return {"lines": [f"{waiting:,} people go on to be mailed. What was planned moves by the length of the pause."]}


class StopDialog(NumbersDialog):
    reason = forms.CharField(
        max_length=100, required=False, widget=UnfoldAdminTextInputWidget, help_text="Kept with each canceled mail."
    )

    def numbers(self, broadcast: Broadcast) -> dict[str, Any]:
        return {"lines": [f"{_open(broadcast):,} people who were not mailed yet will not be. This cannot be undone."]}


class TestDialog(BaseDialogForm):
    to = forms.CharField(
        label="To", widget=UnfoldAdminTextInputWidget, help_text="Addresses with commas between them, at most ten."
    )
    lead = forms.CharField(
        label="As it looks for",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Address of a lead. Empty: a sample person.",
    )

    def __init__(self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        self.fields["to"].initial = getattr(request.user, "email", "")

    def clean_to(self) -> list[str]:
        addresses = [part.strip() for part in self.cleaned_data["to"].replace(";", ",").split(",") if part.strip()]
        if not 0 < len(addresses) <= testing.MOST_ADDRESSES:
            raise ValidationError(f"Write one to {testing.MOST_ADDRESSES} addresses.")
        for address in addresses:
            validate_email(address)
        return addresses

    def clean_lead(self) -> Lead | None:
        address = self.cleaned_data["lead"].strip().lower()
        found = Lead.objects.filter(email_normal=address).first() if address else None
        if address and found is None:
            raise ValidationError("There is no lead of this address.")
        return found


class WinnerDialog(BaseDialogForm):
    key = forms.ChoiceField(label="Variant", widget=UnfoldAdminSelectWidget)

    def __init__(self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        run = BroadcastRun.objects.filter(pk=object_id).first()
        keys = [mail["key"] for mail in run.variants] if run else []
        self.fields["key"].choices = [(key, key) for key in keys]


def recipients_in_words(broadcast: Broadcast, *, now: datetime) -> str:
    """“About 12,340 people; 312 left out”, as the segment stands now."""
    try:
        found = audience.estimate(broadcast, now=now)
    except RuleError as error:
        return f"The rule of those left out cannot be used. {error}"
    out = f"; {found.left_out:,} left out" if found.left_out else ""
    return f"About {found.recipients:,} {'person' if found.recipients == 1 else 'people'}{out}."


def moment_in_words(broadcast: Broadcast, *, now: datetime) -> str:
    """When it goes out, on the clock that it follows."""
    if broadcast.crontab is None:
        zone = Workspace.load().zone
        return f"on {_on_clock(broadcast.send_at, zone)}" if broadcast.send_at else "at once"
    try:
        recurrence = occurring.read(broadcast.crontab)
    except occurring.CrontabError as error:
        return f"never: {error}"
    following = recurrence.next(now)
    return f"first on {_on_clock(following, ZoneInfo(recurrence.zone))}" if following else "never"


def next_in_words(broadcast: Broadcast, *, now: datetime) -> str:
    """The next moment for the list; what is unknown is a dash."""
    at = scheduling.next_moment(broadcast, now=now)
    if at is None or broadcast.status != Broadcast.Status.SCHEDULED:
        return "–"
    zone = ZoneInfo(str(broadcast.crontab.timezone)) if broadcast.crontab else Workspace.load().zone
    return _on_clock(at, zone)


def _on_clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %d %b %Y, %H:%M} {zone.key}"


def _open(broadcast: Broadcast) -> int:
    return _messages(broadcast).filter(state__in=Message.OPEN).count()


def _messages(broadcast: Broadcast) -> Any:
    runs = list(broadcast.runs.filter(state__in=BroadcastRun.OPEN).values_list("pk", flat=True))
    return Message.objects.filter(broadcast_run__in=runs)
