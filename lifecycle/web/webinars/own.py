"""/webinars/r/{token}: somebody's own registration, by the link of their mail or of the page where they registered."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from leads.doors import policy
from leads.models import Form, Workspace
from leads.reacting import react
from lifecycle.core import clock, tokens
from lifecycle.core.tokens import RegistrationToken
from lifecycle.web.sorry import drawn as apology
from webinars import registering, showing, telling
from webinars.doors import webinar_page
from webinars.doors.webinar_page import Look
from webinars.models import Registration

GONE = (
    "This link does not lead anywhere",
    "Copy it from the email once more, up to its last letter. If your data were deleted here, it has ended with them.",
)
NOT_YOURS = (
    "This takes the link from your email",
    "So that nobody else gives up your seat: use “I cannot come” in the email that we sent you.",
)


@never_cache
@require_safe
def own(request: HttpRequest, token: str) -> HttpResponse:
    """The webinar as it looks to who has a seat, waits for one, or gave it back."""
    read, registration = found(token)
    if read is None or registration is None:
        return sorry(request, GONE)
    now, webinar = clock.now(), registration.webinar
    seat = showing.seat(registration, webinar, is_personal=read.is_personal, now=now)
    zone = registration.lead.timezone if read.is_personal else ""
    return webinar_page.page(request, webinar, Look(seat=seat, zone=zone), now=now)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, token: str) -> HttpResponse:
    """A button; POST presses it. Scanners of mail look at links, and looking changes nothing."""
    read, registration = found(token)
    if read is None or registration is None:
        return sorry(request, GONE)
    if not read.is_personal:
        return sorry(request, NOT_YOURS, status=403)
    now = clock.now()
    if showing.phase(registration.webinar, now=now) in ("over", "canceled"):  # there is no seat to give up any more
        return HttpResponseRedirect(reverse("registration", args=[token]), status=303)
    if request.method == "POST":
        if registering.cancel(registration.pk, now=now):
            react(registration.lead_id, now=now)
        return HttpResponseRedirect(reverse("registration", args=[token]), status=303)
    webinar = registration.webinar
    context = {
        "webinar": webinar,
        "when": telling.when(webinar),
        "workspace": Workspace.load(),
        "registration": registration,
        "back": reverse("registration", args=[token]),
    }
    response = render(request, "web/webinars/cancel.html", context)
    policy.guard(response, form=Form())
    response["Referrer-Policy"] = "no-referrer"
    return response


def found(token: str) -> tuple[RegistrationToken | None, Registration | None]:
    """What a link stands for; the registration is gone with an erased person."""
    read = tokens.read_registration_token(token)
    if read is None:
        return None, None
    known = Registration.objects.select_related("webinar", "lead").prefetch_related("webinar__speakers")
    return read, known.filter(pk=read.registration_id).first()


def sorry(request: HttpRequest, words: tuple[str, str], *, status: int = 404) -> HttpResponse:
    response = apology(request, words, status=status, way=reverse("webinars"), go="See all webinars")
    policy.guard(response)
    return response
