"""/webinars/r/{token}/join: the link to join in a mail, which leads to the session however late that is known."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from campaigns.sending import tracking
from leads.reacting import react
from lifecycle.core import clock
from lifecycle.web.webinars.own import GONE, found, sorry
from webinars import joining


@never_cache
@require_safe
def join(request: HttpRequest, token: str) -> HttpResponse:
    """To their own link, or everybody's; without one, to the registration's page. Looking changes nothing."""
    read, registration = found(token)
    if read is None or registration is None:
        return sorry(request, GONE)
    now = clock.now()
    target = joining.way_in(registration, now=now) if read.is_personal else ""
    response = HttpResponseRedirect(target or reverse("registration", args=[token]))
    response["Referrer-Policy"] = "no-referrer"
    if target:
        asked = tracking.Request(str(request.method), request.headers.get("User-Agent", ""))
        if joining.clicked(registration, asked, now=now):
            react(registration.lead_id, now=now)
    return response
