"""Alerts on their way to the rep: claimed with a lease, sent through the installation's mail backend, settled."""

import logging
import smtplib
import uuid
from datetime import datetime, timedelta

from anymail.exceptions import AnymailAPIError, AnymailError
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.template.loader import render_to_string

from leads.models import Workspace
from lifecycle.core import ticks
from lifecycle.sales.models import Alert

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
BACKOFF = timedelta(minutes=2)
MOST_ATTEMPTS = 8
# Telling a rep twice is better than not at all, so an alert whose sender died is sent again.
_FAULTS = (OSError, smtplib.SMTPException, AnymailError)


class NobodyToTell(ValueError):
    """The lead has no owner with an address, and SALES_EMAIL is not set."""


@ticks.when("""
    EXISTS (SELECT FROM sales_alert WHERE state = 'ready' AND due_at <= %(now)b)
    OR EXISTS (SELECT FROM sales_alert WHERE state = 'sending' AND lease_until < clock_timestamp())
""")
def send_alerts(*, now: datetime, limit: int = 100) -> int:
    """Send what is due; how many were sent. Alerts are sent at least once."""
    if not ticks.among([send_alerts], now=now):
        return 0
    claimed = _claim(now=now, limit=limit)
    if not claimed:
        return 0
    sender = Workspace.load().name
    sent = 0
    try:
        connection = get_connection()
        connection.open()
    except _FAULTS as error:
        for alert in claimed:
            _settle(alert, error, now=now)
        return 0
    for alert in claimed:
        sent += _send(alert, connection, sender, now=now)
    connection.close()
    return sent


@transaction.atomic
def _claim(*, now: datetime, limit: int) -> list[Alert]:
    lost = Alert.objects.filter(state=Alert.State.SENDING, lease_until__lt=Now())
    lost.update(state=Alert.State.READY, lease_token=None, lease_until=None)
    due = list(
        Alert.objects.filter(state=Alert.State.READY, due_at__lte=now)
        .select_related("lead", "lead__owner")
        .order_by("due_at")
        .select_for_update(skip_locked=True, of=("self",))[:limit]
    )
    token = uuid.uuid4()
    Alert.objects.filter(pk__in=[alert.pk for alert in due]).update(
        state=Alert.State.SENDING, lease_token=token, lease_until=Now() + LEASE, attempts=F("attempts") + 1
    )
    for alert in due:
        alert.lease_token, alert.attempts = token, alert.attempts + 1
    return due


def _send(alert: Alert, connection: BaseEmailBackend, sender: str, *, now: datetime) -> int:
    try:
        if not message(alert, sender, connection).send():
            raise NobodyToTell
    except (*_FAULTS, ValueError) as error:  # ValueError: an address that no header takes
        _settle(alert, error, now=now)
        return 0
    _settle(alert, None, now=now)
    return 1


def message(alert: Alert, sender: str, connection: BaseEmailBackend | None = None) -> EmailMultiAlternatives:
    """The mail of an alert, text and HTML."""
    context = {"alert": alert, "lead": alert.lead, "sender": sender, "url": lead_url(alert.lead_id)}
    mail = EmailMultiAlternatives(
        subject=" ".join(alert.headline.split()),
        body=render_to_string("sales/alert.txt", context),
        to=[alert.to_email],
        connection=connection,
    )
    mail.attach_alternative(render_to_string("sales/alert.html", context), "text/html")
    return mail


def lead_url(lead_id: int) -> str:
    return f"{settings.SITE_URL.rstrip('/')}/console/leads/{lead_id}"


def _settle(alert: Alert, error: Exception | None, *, now: datetime) -> None:
    changes: dict[str, object] = {"lease_token": None, "lease_until": None}
    if error is None:
        changes |= {"state": Alert.State.SENT, "sent_at": now, "detail": ""}
    elif alert.attempts >= MOST_ATTEMPTS or _is_final(error):
        logger.error("alert %s could not be sent: %s", alert.pk, type(error).__name__)
        changes |= {"state": Alert.State.FAILED, "detail": type(error).__name__}
    else:
        changes |= {
            "state": Alert.State.READY,
            "due_at": now + BACKOFF * alert.attempts,
            "detail": type(error).__name__,
        }
    Alert.objects.filter(pk=alert.pk, lease_token=alert.lease_token).update(**changes)


def _is_final(error: Exception) -> bool:
    """A refusal of this very mail; a server that is down or busy is not."""
    if isinstance(error, ValueError):
        return True
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    if isinstance(error, AnymailAPIError):
        return error.status_code is not None and 400 <= error.status_code < 500 and error.status_code != 429
    return False
