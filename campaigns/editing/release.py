"""From draft to live: publishing a version, and going back to an older one."""

from datetime import datetime

from django.db import transaction

from campaigns import rendering
from campaigns.editing.mails import publish_template
from campaigns.models import Sequence, SequenceVersion, Step
from campaigns.publishing import Problem, PublishRefused, check


@transaction.atomic
def publish(version: SequenceVersion, *, now: datetime) -> SequenceVersion:
    """Make a draft the version that people enter from now on; those in flight stay on theirs. The sequence goes live.

    Mails that were never published are published along. Raises PublishRefused with every problem and its place.
    """
    sequence = Sequence.objects.select_for_update(no_key=True).get(pk=version.sequence_id)
    version = SequenceVersion.objects.select_for_update().get(pk=version.pk)
    if version.state == SequenceVersion.State.PUBLISHED:
        return version
    check(version)
    _publish_mails(version, now=now)
    SequenceVersion.objects.filter(pk=version.pk).update(state=SequenceVersion.State.PUBLISHED, published_at=now)
    sequence.current_version = version
    if sequence.status in (Sequence.Status.DRAFT, Sequence.Status.STOPPED):
        sequence.status = Sequence.Status.LIVE
    sequence.save(update_fields=["current_version", "status"])
    version.refresh_from_db()
    return version


def _publish_mails(version: SequenceVersion, *, now: datetime) -> None:
    problems = []
    for step in version.steps.filter(kind=Step.Kind.SEND).prefetch_related("variants__template"):
        for template in step.mails():
            if template.current_version_id is not None:
                continue
            try:
                publish_template(template, now=now)
            except rendering.TemplateProblems as refused:
                problems += [Problem(f"steps.{step.key}.{template.slug}", str(each)) for each in refused.problems]
    if problems:
        raise PublishRefused(problems)
