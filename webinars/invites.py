"""Calendar files of registrations, as things stand at the moment they are made: in mails, and behind their link."""

from collections.abc import Sequence
from datetime import datetime

from campaigns.sending import attachments
from campaigns.sending.attachments import Attachment, Wanted
from campaigns.sending.composing import Sender
from leads.models import Workspace
from webinars import ics, telling
from webinars.ics import Entry, Method, Party
from webinars.models import Registration, Webinar

NAME = "calendar-invite"
CONTENT_TYPE = "text/calendar"
FILENAME = "invite.ics"

State = Registration.State


def mailed(wanted: Sequence[Wanted], now: datetime) -> list[Attachment | None]:
    """An invitation or its cancellation for each mail about a webinar; None for who never had a seat. Two queries."""
    lead_ids, codes = {one.lead_id for one in wanted}, {_code(one) for one in wanted}
    found = Registration.objects.filter(lead__in=lead_ids, webinar__code__in=codes).select_related("webinar", "lead")
    registrations = {(registration.lead_id, registration.webinar.code): registration for registration in found}
    organizer = host(Workspace.load())
    return [_mailed(registrations.get((one.lead_id, _code(one))), organizer, now) for one in wanted]


def _code(wanted: Wanted) -> str:
    return str(wanted.event.get("webinar", ""))


def _mailed(registration: Registration | None, organizer: Party, now: datetime) -> Attachment | None:
    if registration is None or registration.seated_at is None:
        return None
    method = Method.CANCEL if is_off(registration) else Method.REQUEST
    guest = attendee(registration)
    content = ics.invite(entry(registration), method=method, organizer=organizer, attendee=guest, stamp=now)
    return Attachment(FILENAME, CONTENT_TYPE, content, method.value)


def downloaded(registration: Registration, *, is_personal: bool, now: datetime) -> Attachment:
    """The file behind the registration's link, to be added by hand; once it is off, to be taken out.

    Without `is_personal` it says nothing that is the person's alone. Its webinar and lead are at hand.
    """
    method = Method.CANCEL if is_off(registration) else Method.PUBLISH
    content = ics.invite(
        entry(registration, is_personal=is_personal),
        method=method,
        organizer=host(Workspace.load()),
        attendee=attendee(registration) if is_personal else None,
        stamp=now,
    )
    return Attachment(f"{registration.webinar.code}.ics", CONTENT_TYPE, content, method.value)


def is_off(registration: Registration) -> bool:
    """Whether the entry is to be taken out of the calendar."""
    return registration.state == State.CANCELED or registration.webinar.state == Webinar.State.CANCELED


def entry(registration: Registration, *, is_personal: bool = True) -> Entry:
    """What stands in the person's calendar. SEQUENCE only grows: neither of its two parts ever falls."""
    webinar = registration.webinar
    join_url = telling.way_in(registration, webinar, is_personal=is_personal)
    page = telling.own_url(registration) if is_personal else telling.public_url(webinar)
    join = f"Join here: {join_url}" if join_url else ""
    return Entry(
        uid=registration.uid,
        sequence=webinar.sequence + registration.sequence,
        starts_at=webinar.starts_at,
        ends_at=webinar.ends_at,
        title=webinar.title,
        description="\n\n".join(filter(None, [webinar.summary, join, f"Details: {page}"])),
        location=join_url if join else page,
        url=telling.public_url(webinar),
    )


def host(workspace: Workspace) -> Party:
    """Who invites: the sender of the workspace's mails."""
    sender = Sender(workspace)
    return Party(sender.address, sender.name)


def attendee(registration: Registration) -> Party:
    lead = registration.lead
    return Party(lead.email, f"{lead.first_name} {lead.last_name}".strip())


attachments.register(NAME, "Calendar invite of the webinar", mailed)
