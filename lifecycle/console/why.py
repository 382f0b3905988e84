"""The page that answers “why?” about one lead, and tells what comes next."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from campaigns.models import Broadcast, Sequence
from leads.models import Lead
from lifecycle.console.doors import colleagues, page
from lifecycle.core import clock
from lifecycle.reports import why
from lifecycle.reports.future import plan_of


class MailQuestion(forms.Form):
    sequence = forms.ModelChoiceField(
        queryset=Sequence.objects.all(),
        to_field_name="slug",
        widget=UnfoldAdminSelectWidget,
        empty_label="Choose a sequence",
    )
    mail = forms.CharField(
        label="Mail number",
        initial="1",
        max_length=60,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "3, or the step's name"}),
    )


class BroadcastQuestion(forms.Form):
    broadcast = forms.ModelChoiceField(
        queryset=Broadcast.objects.order_by("-pk"),
        to_field_name="slug",
        widget=UnfoldAdminSelectWidget,
        empty_label="Choose a broadcast",
    )


@require_GET
@colleagues("leads.view_lead")
def show(request: HttpRequest, lead_id: int) -> HttpResponse:
    lead = get_object_or_404(Lead.objects.select_related("company"), pk=lead_id)
    form = MailQuestion(request.GET if "sequence" in request.GET else None)
    about_broadcast = BroadcastQuestion(request.GET if "broadcast" in request.GET else None)
    now = clock.now()
    context = {
        "title": f"Why? {lead.full_name or lead.email}",
        "lead": lead,
        "form": form,
        "answer": _answer(lead, form, now),
        "broadcast_form": about_broadcast,
        "broadcast_answer": _of_broadcast(lead, about_broadcast, now),
        "score": why.score(lead),
        "stage": why.stage(lead),
        "plan": plan_of(lead, now=now),
        "log": why.log_of(lead),
        "now": now,
    }
    return page(request, "console/why.html", context)


def _answer(lead: Lead, form: MailQuestion, now: Any) -> why.Answer | None:
    if not form.is_valid():
        return None
    try:
        return why.mail(lead, sequence=form.cleaned_data["sequence"].slug, which=form.cleaned_data["mail"], now=now)
    except why.NotThere as error:
        form.add_error("mail", str(error))
        return None


def _of_broadcast(lead: Lead, form: BroadcastQuestion, now: Any) -> why.Answer | None:
    return why.broadcast(lead, slug=form.cleaned_data["broadcast"].slug, now=now) if form.is_valid() else None
