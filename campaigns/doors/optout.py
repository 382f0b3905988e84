"""/u/ and /preferences/: out with one click, and what to get instead. GET and HEAD change nothing: scanners fetch."""

from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns.consent import preferences
from campaigns.consent.suppressing import in_flight, people_of, suppress
from campaigns.models import Suppression
from campaigns.sending.outbox import await_in_flight
from leads.models import Lead, Workspace
from lifecycle.core import clock, tokens


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """RFC 8058: POST opts out of all marketing and answers 200, as often as it comes; the page only has the button."""
    read = tokens.read_unsubscribe_token(token)
    if read is None:
        raise Http404("This unsubscribe link is not complete.")
    if request.method == "POST":
        _opt_out(read.address_hash, now=clock.now())
    return _page(request, read.address_hash, done=request.method == "POST")


def _opt_out(address_hash: str, *, now: datetime) -> None:
    suppress(address_hash, scope=Suppression.Scope.MARKETING, reason="unsubscribed", source="unsubscribe link", now=now)
    for lead_id in in_flight(address_hash):
        await_in_flight(lead_id)


def _page(request: HttpRequest, address_hash: str, *, done: bool) -> HttpResponse:
    lead = Lead.objects.filter(pk__in=people_of(address_hash)).first()
    context = {
        "workspace": Workspace.load(),
        "address": preferences.masked(lead.email) if lead else "",
        "preferences": f"/preferences/{tokens.preferences_token(lead.pk, lead.address_hash)}" if lead else "",
        "done": done,
    }
    return render(request, "mail_pages/unsubscribe.html", context)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def preference_page(request: HttpRequest, token: str) -> HttpResponse:
    """The topics, each with a switch. POST saves; a person's own act here may also bring marketing mail back."""
    read = tokens.read_preferences_token(token)
    lead = _recipient(read) if read else None
    if lead is None:
        raise Http404("This link is not valid any more.")
    if request.method == "POST":
        wanted = set() if "none" in request.POST else set(request.POST.getlist("topic"))
        preferences.save(lead, wanted=wanted, now=clock.now())
        await_in_flight(lead.pk)
    context = {
        "workspace": Workspace.load(),
        "address": preferences.masked(lead.email),
        "topics": preferences.choices(lead),
        "saved": request.method == "POST",
    }
    return render(request, "mail_pages/preferences.html", context)


def _recipient(token: tokens.PreferencesToken) -> Lead | None:
    """Whom the mail went to: the lead of that time with this address, or the one it was merged into."""
    lead = Lead.objects.filter(pk=token.lead_id).first()
    if lead is None:
        return Lead.objects.filter(pk__in=people_of(token.address_hash)).first()
    return lead if lead.pk in people_of(token.address_hash) else None
