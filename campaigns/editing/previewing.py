"""A draft as a person would get it: compiled and filled in, without storing or sending anything."""

from dataclasses import dataclass, replace
from datetime import datetime
from smtplib import SMTPException
from typing import Any

from anymail.exceptions import AnymailError
from django.core.mail import EmailMultiAlternatives

from campaigns import rendering
from campaigns.models import EmailTemplate
from campaigns.sending import composing, personal, utm
from leads.models import Lead, Workspace
from leads.rule_fields import VOCABULARY
from lifecycle.core import gate

# Somebody to show a draft with while there is no lead.
SAMPLE = {
    "first_name": "Ana",
    "last_name": "Silva",
    "email": "ana@example.com",
    "company": "Example Ltd",
    "job_title": "Head of Operations",
    "country": "Portugal",
    "primary_audience": "",
    "score": 82,
    "stage": "mql",
    "attributes": {},
}
# What its event says; apps whose events carry more add it when they are ready.
EVENT: dict[str, Any] = {"product": "Example product", "form": "contact", "plan": "pro"}


@dataclass(frozen=True, slots=True)
class Preview:
    """Either a rendered mail or the problems that keep it from being one."""

    mail: rendering.Rendered | None
    problems: list[str]


def preview(template: EmailTemplate, *, lead: Lead | None = None, subject: str = "") -> Preview:
    """The draft for `lead`, or for a sample person. A variable the mail needs and the person lacks is a problem too.

    `subject`: a variant's, instead of the mail's own.
    """
    workspace = composing.workspace_context(Workspace.load())
    source = composing.source_of(template)
    source = replace(source, subject=subject) if subject else source
    try:
        compiled = rendering.compile_template(source, workspace=workspace)
    except rendering.TemplateProblems as found:
        return Preview(None, [str(problem) for problem in found.problems])
    context = {"lead": person(lead), "workspace": workspace, "event": EVENT, "events": [EVENT]}
    context |= personal.samples()
    context["reason"] = "You get this mail because you filled in our contact form."
    # As in a mail outside any sequence: there the sequence and the step stand for it.
    given = utm.values(template.written(), campaign=template.slug, content=template.slug)
    links = [utm.added(link, given) for link in compiled.links]
    slots = rendering.LinkSlots(links, unsubscribe_url="#unsubscribe", preferences_url="#preferences")
    try:
        return Preview(rendering.render(compiled, context, slots), [])
    except rendering.RenderError as error:
        return Preview(None, [str(error)])


def person(lead: Lead | None) -> dict[str, object]:
    if lead is None:
        return dict(SAMPLE)
    columns = {*VOCABULARY.columns(), "company__name", "email"}
    return composing.lead_context(Lead.objects.values(*columns).get(pk=lead.pk))


def send_test(
    template: EmailTemplate, *, to: str, lead: Lead | None = None, subject: str = "", now: datetime
) -> list[str]:
    """Send the draft to a colleague through Django's mail; the problems, if it cannot be rendered or may not leave."""
    if locked := gate.closed(now):
        return [f"sending is locked: {locked}"]
    shown = preview(template, lead=lead, subject=subject)
    if shown.mail is None:
        return shown.problems
    mail = EmailMultiAlternatives(f"[Test] {shown.mail.subject}", shown.mail.text, to=[to])
    mail.attach_alternative(shown.mail.html, "text/html")
    try:
        mail.send()
    except (OSError, SMTPException, AnymailError) as error:
        return [f"the mail server did not take it: {error}"]
    return []
