"""From a claimed message to a mail that can be handed over: the template filled in, links signed, headers set."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from email.utils import parseaddr
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django.conf import settings

from campaigns import rendering
from campaigns.models import EmailTemplate, MessageClass, TemplateVersion
from campaigns.rendering import filling
from campaigns.running.people import Person
from campaigns.sending import attachments, personal
from campaigns.sending.delivery.contract import Attachment, Outgoing
from leads.models import Workspace
from lifecycle.core import tokens

if TYPE_CHECKING:
    from campaigns.sending.judging import Due

_LEAD_TEXTS = ("first_name", "last_name", "email", "job_title", "country", "primary_audience", "stage")
_WORKSPACE = ("name", "site_url", "booking_url", "docs_url", "pricing_url", "app_url", "postal_address", "sender_name")

_versions: dict[int, rendering.CompiledTemplate] = {}
_attached: dict[int, str] = {}  # version id → what goes with it, of those that something goes with


def compose(
    mails: Iterable["Due"],
    persons: Mapping[int, Person],
    workspace: Workspace,
    *,
    now: datetime,
    subjects: Mapping[int, str] = MappingProxyType({}),
) -> tuple[list[Outgoing], list[tuple["Due", str]]]:
    """The mails ready to hand over, and those that could not be rendered with what is wrong.

    At most one query, and those of what makes the files and the person's own links, if any go with these mails.

    `subjects`: message id → template text to use instead of the mail's own subject.
    """
    mails = list(mails)
    compiled = compiled_versions({mail.template_version_id for mail in mails})
    shared = workspace_context(workspace)
    sender = Sender(workspace)
    files = attachments.make(_wanted(mails), now=now)
    own = personal.make(((mail.lead_id, compiled[mail.template_version_id].variables) for mail in mails), now=now)
    composed: list[Outgoing] = []
    broken: list[tuple[Due, str]] = []
    for mail in mails:
        person = persons[mail.lead_id]
        context = {"lead": lead_context(person.row), "workspace": shared, **_event_context(mail)}
        context |= own.get(mail.lead_id, {})
        context["reason"] = reason_for_mail(person.row, workspace)
        try:
            template = compiled[mail.template_version_id]
            if subject := subjects.get(mail.id):
                template = replace(template, subject=subject)
            outgoing = _outgoing(mail, person, template, context, sender, now)
            outgoing.attachments = _checked(files[mail.id]) if mail.id in files else ()
            composed.append(outgoing)
        except (rendering.RenderError, attachments.CouldNotMake) as error:
            broken.append((mail, str(error)))
    return composed, broken


def _wanted(mails: Iterable["Due"]) -> Iterator[tuple[str, attachments.Wanted]]:
    for mail in mails:
        if name := _attached.get(mail.template_version_id):
            given = _event_context(mail)
            yield name, attachments.Wanted(mail.id, mail.lead_id, given["event"], given["events"])


def _checked(files: tuple[Attachment, ...] | attachments.CouldNotMake) -> tuple[Attachment, ...]:
    if isinstance(files, attachments.CouldNotMake):
        raise files
    return files


def compiled_versions(ids: set[int]) -> dict[int, rendering.CompiledTemplate]:
    """Compiled templates by version id. They never change, so each process reads them once."""
    missing = ids - _versions.keys()
    if missing:
        columns = ("pk", "compiled", "source__attachment")
        for pk, compiled, attached in TemplateVersion.objects.filter(pk__in=missing).values_list(*columns):
            _versions[pk] = rendering.CompiledTemplate.from_json(compiled)
            if attached:
                _attached[pk] = attached
    return {pk: _versions[pk] for pk in ids}


def forget() -> None:
    """Empty the memory; for tests that give a version's id to another one."""
    _versions.clear()
    _attached.clear()
    filling.forget_templates()


def source_of(template: EmailTemplate) -> rendering.TemplateSource:
    """The draft of a template, as the compiler takes it."""
    return rendering.TemplateSource(
        format=template.format,  # type: ignore[arg-type]
        subject=template.subject,
        preheader=template.preheader,
        body=template.body,
        message_class=template.message_class,  # type: ignore[arg-type]
        text=template.text,
    )


def workspace_context(workspace: Workspace) -> dict[str, str]:
    """`forms_url`: where our own pages of forms are; a form's name follows it."""
    forms_url = f"{settings.SITE_URL.rstrip('/')}/forms"
    return {name: getattr(workspace, name) for name in _WORKSPACE} | {"forms_url": forms_url}


def lead_context(row: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data about the person for templates; a text that is not known is ''."""
    context: dict[str, Any] = {name: row[name] or "" for name in _LEAD_TEXTS}
    context["company"] = row["company_name"] or row["company__name"] or ""
    context["score"] = row["score"]
    context["attributes"] = row["attributes"] or {}
    return context


def reason_for_mail(row: Mapping[str, Any], workspace: Workspace) -> str:
    """Why the person gets mail, for the footer."""
    if row["form_source"]:
        return f"You get this mail because you filled in our {row['form_source'].replace('-', ' ')} form."
    return f"You get this mail because you are in contact with {workspace.name}."


def _event_context(mail: "Due") -> dict[str, Any]:
    given = {"event": {}, "events": [], **(mail.run_context or {}), **mail.context}
    return {name: value for name, value in given.items() if value is not None}


class Sender:
    """Who the mails of a batch come from."""

    def __init__(self, workspace: Workspace) -> None:
        name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
        self.address = workspace.sender_email or address
        self.name = workspace.sender_name or name or workspace.name
        self.domain = self.address.rpartition("@")[2] or "localhost"
        self.base = settings.SITE_URL.rstrip("/")

    def message_id(self, mail: "Due") -> str:
        """The same for every attempt, so that a second copy can be told from a second mail."""
        return f"<{mail.id}.{hashlib.sha256(mail.key.encode()).hexdigest()[:16]}@{self.domain}>"

    def slots(self, mail: "Due", person: Person, links: int) -> rendering.LinkSlots:
        return rendering.LinkSlots(
            links=[f"{self.base}/c/{tokens.click_token(mail.id, index)}" for index in range(links)],
            open_url=f"{self.base}/o/{tokens.open_token(mail.id)}.gif",
            unsubscribe_url=f"{self.base}/u/{tokens.unsubscribe_token(mail.id, mail.address_hash)}",
            preferences_url=f"{self.base}/preferences/{tokens.preferences_token(mail.lead_id, mail.address_hash)}",
        )


def _outgoing(
    mail: "Due",
    person: Person,
    compiled: rendering.CompiledTemplate,
    context: dict[str, Any],
    sender: Sender,
    now: datetime,
) -> Outgoing:
    slots = sender.slots(mail, person, len(compiled.links))
    rendered = rendering.render(compiled, context, slots, cache_key=(mail.template_version_id, compiled.subject))
    marketing = mail.message_class == MessageClass.MARKETING
    return Outgoing(
        message_id=mail.id,
        key=mail.key,
        message_id_header=sender.message_id(mail),
        from_email=sender.address,
        from_name=sender.name,
        to_email=person.row["email"],
        to_name=f"{person.row['first_name']} {person.row['last_name']}".strip(),
        reply_to="",
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        unsubscribe_url=slots.unsubscribe_url if marketing else None,
        unsubscribe_mailto=f"unsubscribe@{sender.domain}" if marketing else None,
        date=now,
        metadata={"message_key": mail.key},
    )
