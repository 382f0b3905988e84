"""What campaigns do when a person is erased: stop what is under way, then forget what knows the address by itself."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from campaigns.models import Enrollment, MailboxMail, Message, ProviderEvent, RehearsalRun
from campaigns.running import exits, stopping
from campaigns.sending import mailbox, outbox
from leads.addresses import hashes_of
from leads.models import AddressAlias, Lead
from leads.signals import lead_erased, lead_leaving
from lifecycle.core import sql
from lifecycle.core.deadlocks import atomic_with_retry

REASON = "the person was erased"
_STOP = stopping.statement("m.lead_id = %b")


@receiver(lead_leaving, dispatch_uid="campaigns.erasing.stop")
def stop(sender: Any, lead: Lead, now: datetime, **kwargs: Any) -> None:
    """No mail of theirs leaves after this."""
    _stop(lead.pk, now=now)
    outbox.await_in_flight(lead.pk)


@atomic_with_retry
def _stop(lead_id: int, *, now: datetime) -> None:
    list(Lead.objects.filter(pk=lead_id).select_for_update(no_key=True).values_list("pk"))
    runs = Enrollment.objects.filter(lead_id=lead_id, state=Enrollment.State.ACTIVE).order_by("pk")
    exits.end([exits.Exit(pk, REASON) for pk in runs.values_list("pk", flat=True)], now=now)
    sql.execute(_STOP, [now, REASON, lead_id])


@receiver(lead_erased, dispatch_uid="campaigns.erasing.forget")
def forget(sender: Any, lead: Lead, now: datetime, **kwargs: Any) -> None:
    """Kept mails of any other origin, and reports that came without a message of ours."""
    written = [lead.email, *AddressAlias.objects.filter(lead=lead).values_list("email_normal", flat=True)]
    for address in written:
        MailboxMail.objects.filter(to_email__iexact=address).delete()
    _forget_mail_about(lead, written)
    _forget_samples(lead)
    ProviderEvent.objects.filter(address_hash__in=hashes_of(lead), message__isnull=True).delete()
    Message.objects.filter(lead_id=lead.pk).delete()


def _forget_mail_about(lead: Lead, written: list[str]) -> None:
    """Kept mails to colleagues that name them: alerts, and tests filled in with them. A trial makes few."""
    names = [name.casefold() for name in (*written, lead.full_name if lead.last_name else "") if name]
    others = MailboxMail.objects.filter(message=None).iterator(chunk_size=100)
    MailboxMail.objects.filter(pk__in=[mail.pk for mail in others if _names(mail, names)]).delete()


def _names(mail: MailboxMail, names: list[str]) -> bool:
    opened = mailbox.opened(bytes(mail.raw))
    said = f"{mail.subject} {opened.text} {opened.html}".casefold()
    return any(name in said for name in names)


def _forget_samples(lead: Lead) -> None:
    """What a rehearsal tells of them by the day; its counts name nobody."""
    for run in RehearsalRun.objects.filter(result__samples__contains=[{"lead": lead.pk}]):
        assert run.result is not None
        run.result["samples"] = [sample for sample in run.result["samples"] if sample["lead"] != lead.pk]
        run.save(update_fields=["result"])
