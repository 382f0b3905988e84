"""/confirm/{token}: the link of the mail that double opt-in sends. Looking changes nothing: scanners of mail look."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from leads import actions, confirmations, following
from leads.confirmations import Looked, State
from leads.doors import policy
from leads.models import Workspace
from lifecycle.core import clock
from lifecycle.web.forms import thanks
from lifecycle.web.sorry import drawn as apology

GONE = (
    "This link does not lead anywhere",
    "Copy it from the email once more, up to its last letter. If your data were deleted here, it has ended with them.",
)
LATE = ("This link has expired", "It worked for seven days. Fill in the form again, and a fresh one is on its way.")


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """A button; POST presses it and shows the same page that every later visit shows."""
    if request.method == "POST" and actions.confirm(token, now=clock.now()) is State.CONFIRMED:
        response: HttpResponse = HttpResponseRedirect(request.path)
        response.status_code = 303
        return response
    looked = confirmations.look(token, now=clock.now())
    if looked is None:
        return sorry(request, GONE, status=404)
    if looked.state is State.LATE:
        return sorry(
            request, LATE, status=410, way=reverse("form", args=[looked.form.slug]) if looked.form.is_active else ""
        )
    return done(request, looked) if looked.state is State.CONFIRMED else ask(request, looked)


def ask(request: HttpRequest, looked: Looked) -> HttpResponse:
    response = render(request, "web/confirm.html", {"form": looked.form, "workspace": Workspace.load()})
    policy.guard(response, form=looked.form)
    return response


def done(request: HttpRequest, looked: Looked) -> HttpResponse:
    """The form's thanks, now that they are due, with its file."""
    if looked.form.thank_you_url:
        return HttpResponseRedirect(looked.form.thank_you_url)
    now = clock.now()
    file = following.file_of(looked.form, looked.confirmation.lead_id, now=now)
    file_url = following.file_url(looked.form, file.get(following.FILE, ""), now=now)
    return thanks.page(request, looked.form, "web/thanks.html", file_url)


def sorry(request: HttpRequest, words: tuple[str, str], *, status: int, way: str = "") -> HttpResponse:
    response = apology(request, words, status=status, way=way, go="Back to the form")
    policy.guard(response)
    return response
