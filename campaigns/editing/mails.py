"""Publishing the mails themselves. A corrected mail reaches everybody whose mail is not queued yet, and on request
those whose mail is."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, QuerySet

from campaigns import rendering
from campaigns.models import EmailTemplate, Message, TemplateVersion
from campaigns.sending import attachments, composing
from leads.models import Workspace


@transaction.atomic
def publish_template(template: EmailTemplate, *, also_queued: bool = False, now: datetime) -> TemplateVersion:
    """Compile the draft and make it the version that is sent from now on; the current one if nothing changed.

    With `also_queued` mails that wait to be sent are sent as this version too; one that is being sent is not.
    Raises rendering.TemplateProblems with every problem and its line.
    """
    source = composing.source_of(template)
    if wrong := attachments.complaint(template.attachment):
        raise rendering.TemplateProblems([rendering.Problem("attachment", 0, wrong)])
    compiled = rendering.compile_template(source, workspace=composing.workspace_context(Workspace.load())).to_json()
    EmailTemplate.objects.select_for_update(no_key=True).get(pk=template.pk)
    version = template.current_version
    if version is None or not _is_same(version, template, compiled):
        version = _new_version(template, compiled, now=now)
        template.current_version = version
        template.save(update_fields=["current_version"])
    if also_queued:
        columns = {"message_class": version.message_class, "topic_id": version.topic_id}
        queued_before(template).update(template_version=version, **columns)
    return version


def queued_before(template: EmailTemplate) -> "QuerySet[Message]":
    """Mails of the template that wait to be sent as an older version than the current one."""
    older = TemplateVersion.objects.filter(template=template).exclude(pk=template.current_version_id or 0)
    return Message.objects.filter(state=Message.State.READY, template_version__in=older)


def queued(template: EmailTemplate) -> int:
    """How many mails of the template wait to be sent."""
    return Message.objects.filter(state=Message.State.READY, template_version__template=template).count()


def _is_same(version: TemplateVersion, template: EmailTemplate, compiled: dict[str, Any]) -> bool:
    source = version.source
    beside = (source.get("adds_utm", False), source.get("utm_campaign", ""), source.get("attachment", ""))
    return (version.compiled, version.message_class, version.topic_id, *beside) == (
        compiled,
        template.message_class,
        template.topic_id,
        template.adds_utm,
        template.utm_campaign,
        template.attachment,
    )


def _new_version(template: EmailTemplate, compiled: dict[str, Any], *, now: datetime) -> TemplateVersion:
    last = template.versions.aggregate(last=Max("number"))["last"] or 0
    return TemplateVersion.objects.create(
        template=template,
        number=last + 1,
        message_class=template.message_class,
        topic=template.topic,
        source=template.written(),
        compiled=compiled,
        published_at=now,
    )
