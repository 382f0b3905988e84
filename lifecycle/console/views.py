"""The console's pages. Each view parses, calls one report or action, and answers."""

from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_POST

from campaigns.actions import enroll as enroll_in
from leads.actions import assign_owner, move_stage
from leads.models import Lead
from leads.models.lead import Stage
from leads.stages import IllegalMove
from lifecycle.console import credited
from lifecycle.console.asking import Asked
from lifecycle.console.doors import back, colleagues, page, signed_in
from lifecycle.console.forms import AssignForm, EnrollForm, MoveForm
from lifecycle.core import clock
from lifecycle.reports.lead_page import lead_page


@require_GET
@colleagues("leads.view_lead")
def hot_leads(request: HttpRequest) -> HttpResponse:
    asked = Asked.of(request)
    context = {"title": "Hot leads", **asked.shown(), **asked.answer(signed_in(request)), "now": clock.now()}
    return page(request, "console/hot_leads.html", context)


@require_GET
@colleagues("leads.view_lead")
def lead(request: HttpRequest, lead_id: int) -> HttpResponse:
    shown = lead_page(lead_id, now=clock.now())
    if shown is None:
        raise Http404("There is no such lead; it may have been erased.")
    context = {
        "title": shown.lead.full_name or shown.lead.email,
        "page": shown,
        "lead": shown.lead,
        "led": [credited.told(one) for one in shown.conversions],
        "assign_form": AssignForm(initial={"owner": shown.lead.owner_id}),
        "move_form": MoveForm(lead=shown.lead),
        "enroll_form": EnrollForm(),
        "now": clock.now(),
    }
    return page(request, "console/lead.html", context)


@require_POST
@colleagues("leads.change_lead")
def take(request: HttpRequest, lead_id: int) -> HttpResponse:
    give(request, lead_id, signed_in(request))
    return back(request, otherwise="console:lead", lead_id=lead_id)


@require_POST
@colleagues("leads.change_lead")
def assign(request: HttpRequest, lead_id: int) -> HttpResponse:
    form = AssignForm(request.POST)
    if form.is_valid():
        give(request, lead_id, form.cleaned_data["owner"])
    else:
        messages.error(request, "Choose a person to give the lead to.")
    return back(request, otherwise="console:lead", lead_id=lead_id)


@require_POST
@colleagues("leads.change_lead")
def move(request: HttpRequest, lead_id: int) -> HttpResponse:
    found = get_object_or_404(Lead, pk=lead_id)
    form = MoveForm(request.POST, lead=found)
    if not form.is_valid():
        messages.error(request, "Choose a stage and say why.")
        return back(request, otherwise="console:lead", lead_id=lead_id)
    try:
        move_stage(
            found,
            form.cleaned_data["to"],
            reason=form.cleaned_data["reason"],
            actor=signed_in(request),
            now=clock.now(),
        )
        messages.success(request, f"Moved to {Stage(form.cleaned_data['to']).label}.")
    except IllegalMove as refused:
        messages.error(request, str(refused))
    return back(request, otherwise="console:lead", lead_id=lead_id)


@require_POST
@colleagues("campaigns.change_enrollment")
def enroll(request: HttpRequest, lead_id: int) -> HttpResponse:
    found = get_object_or_404(Lead, pk=lead_id)
    form = EnrollForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose a live sequence.")
        return back(request, otherwise="console:lead", lead_id=lead_id)
    outcome = enroll_in(found, form.cleaned_data["sequence"], now=clock.now())
    say = messages.success if outcome.result == "enrolled" else messages.warning
    say(request, f"{form.cleaned_data['sequence']}: {outcome.result}{f', {outcome.reason}' if outcome.reason else ''}.")
    return back(request, otherwise="console:lead", lead_id=lead_id)


def give(request: HttpRequest, lead_id: int, owner: AbstractBaseUser) -> None:
    """Make somebody the owner and say so on the next page."""
    found = get_object_or_404(Lead, pk=lead_id)
    assign_owner(found, owner, actor=signed_in(request), now=clock.now())
    messages.success(request, f"{found.full_name or found.email} now belongs to {owner}.")
