"""/leaving/{token}: why somebody left, by a link of their mail. Looking changes nothing: scanners of mail look."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from leads.doors import policy
from leads.models import Form, Workspace
from lifecycle.core import clock
from lifecycle.customers import leaving as reasons
from lifecycle.customers.leaving import Answer, Opened
from lifecycle.customers.models import LeavingReason
from lifecycle.web.sorry import drawn as apology

INCOMPLETE = ("This link does not lead anywhere", "Copy it from the email once more, up to its last letter.")
GONE = (
    "There is nothing to answer any more",
    "Your data were deleted here, and the question has ended with them. Thank you for the time you were with us.",
)
LATE = ("This link has expired", "It worked for three months. If you would still like to tell us, answer the email.")
THANKS, CHANGE = "thanks", "change"


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def leaving(request: HttpRequest, token: str) -> HttpResponse:
    """The reasons with the link's own one chosen; POST tells it, and leads to the thanks."""
    now = clock.now()
    opened = reasons.opened(token, now=now)
    if opened is None:
        return sorry(request, INCOMPLETE, status=404)
    if opened.lead_id is None:
        return sorry(request, GONE, status=410)
    if opened.is_late:
        return sorry(request, LATE, status=410)
    if request.method == "POST":
        answer = answer_in(request)
        if answer and not reasons.tell(opened.lead_id, answer, now=now):
            return sorry(request, GONE, status=410)
        return HttpResponseRedirect(f"{request.path}?{THANKS}" if answer else request.path, status=303)
    said = reasons.answer_of(opened.lead_id)
    return thanks(request, opened.lead_id, said) if said and THANKS in request.GET else ask(request, opened, said)


def answer_in(request: HttpRequest) -> Answer | None:
    """What the form says; None if it is none of our reasons. Another one's name is taken as it is offered."""
    wanted = request.POST.get("reason", "")
    known = next((row for row in reasons.offered() if row.slug == wanted), None)
    comment = request.POST.get("comment", "").replace("\x00", "").strip()[: reasons.LONGEST_COMMENT]
    return Answer(known.slug, comment) if known else None


def ask(request: HttpRequest, opened: Opened, said: Answer | None) -> HttpResponse:
    offered = reasons.offered()
    before = said.reason if said else ""
    chosen = next((row.slug for row in offered if row.pk == opened.reason_id and CHANGE not in request.GET), before)
    context = {"reasons": offered, "chosen": chosen, "said": label_of(said), "comment": said.comment if said else ""}
    return page(request, "web/leaving.html", context)


def thanks(request: HttpRequest, lead_id: int, said: Answer) -> HttpResponse:
    reason = LeavingReason.objects.filter(slug=said.reason).first()
    context = {
        "reason": reason,
        "said": said,
        "is_back": reasons.is_client(lead_id),
        "again": f"{request.path}?{CHANGE}",
    }
    return page(request, "web/left.html", context)


def label_of(said: Answer | None) -> str:
    return reasons.words([said.reason]).get(said.reason, said.reason) if said else ""


def page(request: HttpRequest, template: str, context: Mapping[str, object]) -> HttpResponse:
    response = render(request, template, {**context, "workspace": Workspace.load()})
    policy.guard(response, form=Form())
    response["Referrer-Policy"] = "no-referrer"
    return response


def sorry(request: HttpRequest, words: tuple[str, str], *, status: int) -> HttpResponse:
    response = apology(request, words, status=status)
    policy.guard(response)
    return response
