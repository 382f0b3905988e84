"""/webhooks/email/: what a mail provider reports. Anymail verifies and translates it; provider_events acts on it."""

import logging
import warnings
from collections.abc import Callable

from anymail.exceptions import (
    AnymailConfigurationError,
    AnymailError,
    AnymailWarning,
    AnymailWebhookValidationFailure,
)
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt

from campaigns.consent import amazon, provider_events
from campaigns.consent.provider_reports import Report
from campaigns.doors.amazon import SignedByAmazon
from campaigns.signals import report_refused
from leads import reacting
from lifecycle.core import clock
from lifecycle.core.answers import refusal

logger = logging.getLogger(__name__)

# With one of these a provider signs what it reports; the others send the user and password of the webhook's address.
SIGNING = {
    "mailersend": ("MAILERSEND_SIGNING_SECRET",),
    "mailgun": ("MAILGUN_WEBHOOK_SIGNING_KEY", "MAILGUN_API_KEY"),
    "mandrill": ("MANDRILL_WEBHOOK_KEY",),
    "postal": ("POSTAL_WEBHOOK_KEY",),
    "resend": ("RESEND_SIGNING_SECRET",),
    "sendgrid": ("SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY",),
}
# Where Anymail's own door does not look at all that proves who reports.
OURS: dict[str, Callable[[HttpRequest], HttpResponseBase]] = {"amazon_ses": SignedByAmazon.as_view()}
# The refusals that say that something is set up wrongly, by status.
COUNTED = {400: "malformed", 401: "bad_signature", 403: "no_secret", 413: "too_large"}
# What Anymail's readers raise over a body that is not what the provider documents.
MALFORMED = (
    AnymailError,
    AnymailConfigurationError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


@csrf_exempt
def report(request: HttpRequest, provider: str) -> HttpResponseBase:
    """What was not let in is told to whoever counts it; Amazon's first call, which only asks for a password, is not."""
    answer = _answered(request, provider)
    if (code := COUNTED.get(answer.status_code)) and "WWW-Authenticate" not in answer:
        report_refused.send(sender=None, provider=provider, code=code, now=clock.now())
    return answer


def _answered(request: HttpRequest, provider: str) -> HttpResponseBase:
    """2xx when it is stored and done; 401 not the provider, 400 no report of its, 413 over 1 MiB, 503 come again.

    Refused (403) while nothing proves who reports: else anybody could block anybody's address.
    """
    try:
        view = OURS.get(provider) or resolve(f"/{provider}/tracking/", urlconf="anymail.urls").func
    except Resolver404:
        return refusal("not_found", "There is no such mail provider.", status=404)
    if request.method not in ("POST", "HEAD"):  # some providers look with HEAD whether somebody is there
        allowed = {"Allow": "POST, HEAD"}
        return refusal("method_not_allowed", "Reports are sent with POST.", status=405, headers=allowed)
    if not is_protected(provider):
        return refusal("no_secret", f"Set {' or '.join(secrets_of(provider))}, see docs/mail-providers.md.", status=403)
    try:
        with provider_events.collected() as reports, warnings.catch_warnings():
            warnings.simplefilter("ignore", AnymailWarning)  # is_protected looked
            answer: HttpResponseBase = view(request)
    except amazon.Unsure as problem:
        logger.warning("Amazon's certificate could not be had: %s", problem)
        report_refused.send(sender=None, provider=provider, code="no_certificate", now=clock.now())
        return refusal("try_again", "Amazon's certificate cannot be had; send it again.", status=503)
    except (SuspiciousOperation, *MALFORMED) as error:
        return _explained(error, provider)
    if answer.status_code == 401:  # Amazon asks without a password first, and sends it when it is told to
        message = "Send the user and password of ANYMAIL_WEBHOOK_SECRET."
        return refusal("no_signature", message, status=401, headers={"WWW-Authenticate": answer["WWW-Authenticate"]})
    try:
        _act(reports)
    except (DatabaseError, InterfaceError) as error:
        logger.warning("reports of %s could not be stored: %s", provider, type(error).__name__)
        return refusal("try_again", "The database does not answer; send it again.", status=503)
    return answer


def _act(reports: list[Report]) -> None:
    now = clock.now()
    for lead_id in provider_events.take(reports, now=now):
        reacting.react(lead_id, now=now)


def is_protected(provider: str) -> bool:
    """Whether something proves that a report is this provider's."""
    return any(settings.ANYMAIL.get(name) for name in ("WEBHOOK_SECRET", *SIGNING.get(provider, ())))


def secrets_of(provider: str) -> list[str]:
    """The variables of the environment of which one protects this provider's door."""
    return [*SIGNING.get(provider, ()), "ANYMAIL_WEBHOOK_SECRET (user:password)"]


def _explained(error: Exception, provider: str) -> JsonResponse:
    if isinstance(error, AnymailWebhookValidationFailure):
        return refusal("bad_signature", "This report is not signed with a secret that is set here.", status=401)
    if isinstance(error, RequestDataTooBig):
        return refusal("too_large", "A report may have 1 MiB.", status=413)
    logger.warning("a report of %s could not be read: %s", provider, type(error).__name__)
    return refusal("malformed", "The body is not a report of this provider.", status=400)
