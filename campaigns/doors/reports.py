"""/webhooks/email/: what a mail provider reports. Anymail verifies and translates it; provider_events acts on it."""

import logging

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt

logger = logging.getLogger(__name__)

# What Anymail's readers raise over a body that is not what the provider documents.
MALFORMED = (ValueError, LookupError, TypeError, AttributeError)


@csrf_exempt
def report(request: HttpRequest, provider: str) -> HttpResponseBase:
    """Refused while no secret is set: a report that anybody may send would let anybody block anybody's address."""
    if not settings.ANYMAIL.get("WEBHOOK_SECRET"):
        message = "Set ANYMAIL_WEBHOOK_SECRET (user:password) and give it to the provider in the webhook's address."
        return refusal("no_secret", message, status=403)
    try:
        view = resolve(f"/{provider}/tracking/", urlconf="anymail.urls")
    except Resolver404 as error:
        raise Http404("There is no such mail provider.") from error
    try:
        answer: HttpResponseBase = view.func(request, *view.args, **view.kwargs)
    except MALFORMED as error:
        logger.warning("a report of %s could not be read: %s", provider, type(error).__name__)
        return refusal("malformed", "The body is not a report of this provider.", status=400)
    return answer


def refusal(code: str, message: str, *, status: int) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message, "fields": {}}}, status=status)
