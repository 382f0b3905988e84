"""From a sequence file to rows: its group, its mails, a draft, and (wanted) its publication."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from campaigns import actions, rendering
from campaigns.exchange import reading, times
from campaigns.exchange.reading import StepValues
from campaigns.exchange.refusing import ImportRefused, offset
from campaigns.exchange.schema import SequenceFile, TemplateFile
from campaigns.experiments import starting
from campaigns.models import EmailTemplate, ExclusiveGroup, Sequence, SequenceVersion, Step, Topic, Variant
from campaigns.sending import attachments


@transaction.atomic
def import_sequence(
    text: str, *, now: datetime, publish: bool = False, in_flight: str = "stay", not_past: str | None = None
) -> Sequence:
    """Create or change a sequence from a file: what the file says becomes its draft; with `publish` it goes live
    (and `in_flight` and `not_past` say what becomes of the people inside, as for `actions.publish`).

    Mails of the file replace the drafts of the same slug. Raises ImportRefused or PublishRefused: nothing changed then.
    """
    file = reading.read(text)
    sequence = Sequence.objects.filter(slug=file.slug).first() or Sequence(slug=file.slug)
    sequence.name, sequence.description, sequence.priority = file.name, file.description.strip(), file.priority
    sequence.group = _group(file.group)
    check_row(sequence)
    sequence.save()
    templates = {given.slug: store_template(given, number) for number, given in enumerate(file.templates)}
    draft = _store_draft(sequence, file, templates)
    _set_up_experiments(sequence, file, now=now)
    if publish:
        for template in templates.values():
            publish_template(template, now=now)
        actions.publish(draft, in_flight=in_flight, not_past=not_past, now=now)
        sequence.refresh_from_db()
    return sequence


def _group(slug: str) -> ExclusiveGroup | None:
    if not slug:
        return None
    group = ExclusiveGroup.objects.filter(slug=slug).first()
    if group is None:
        group = ExclusiveGroup(slug=slug, name=slug.replace("-", " ").capitalize())
        check_row(group, "group")
        group.save()
    return group


def store_template(given: TemplateFile, number: int) -> EmailTemplate:
    """Create or change the draft of a mail of the file, its `number`th."""
    where = f"templates[{number}] ({given.slug})"
    topic = Topic.objects.filter(slug=given.topic).first() if given.topic else None
    if given.topic and topic is None:
        known = ", ".join(Topic.objects.values_list("slug", flat=True))
        raise ImportRefused(f"{where}.topic: there is no topic {given.topic!r}; known: {known or 'none yet'}")
    template = EmailTemplate.objects.filter(slug=given.slug).first() or EmailTemplate(slug=given.slug)
    if wrong := attachments.complaint(given.attachment):
        raise ImportRefused(f"{where}.attachment: {wrong}")
    template.name, template.topic, template.message_class = given.name, topic, given.message_class
    template.adds_utm = given.utm
    for name in ("format", "subject", "preheader", "body", "text", "utm_campaign", "attachment"):
        setattr(template, name, getattr(given, name))
    check_row(template, where)
    template.save()
    return template


def publish_template(template: EmailTemplate, *, now: datetime) -> None:
    """As the action, with the first mistake as a complaint about a place in the file."""
    try:
        actions.publish_template(template, now=now)
    except rendering.TemplateProblems as refused:
        raise ImportRefused(f"templates ({template.slug}).{refused.problems[0]}") from refused


def _store_draft(sequence: Sequence, file: SequenceFile, templates: dict[str, EmailTemplate]) -> SequenceVersion:
    draft = actions.new_draft(sequence)
    draft.steps.all().delete()
    entry = file.entry
    changes = {
        "triggers": entry.triggers,
        "filters": entry.filters,
        "key_property": entry.key,
        "second_trigger": entry.second_trigger,
        "grace": offset("entry.grace", entry.grace),
        "exits": file.exits,
        "holdout_percent": file.holdout,
        "window": times.window("window", file.window) or None,
        **reading.reentry(entry.reentry),
    }
    for name, value in changes.items():
        setattr(draft, name, value)
    draft.save()
    for position, given in enumerate(file.steps):
        _store_step(draft, position, reading.step(given), templates)
    return draft


def _store_step(draft: SequenceVersion, position: int, values: StepValues, templates: dict[str, EmailTemplate]) -> None:
    where = f"steps.{values.columns['key']}"
    step = Step(version=draft, position=position, **values.columns)
    if values.template:
        step.template = find_template(f"{where}.send", values.template, templates)
    check_row(step, where)
    step.save()
    for given in values.variants:
        place = f"{where}.send.variants.{given.columns['key']}"
        variant = Variant(step=step, template=find_template(place, given.template, templates), **given.columns)
        check_row(variant, place)
        variant.save()


def _set_up_experiments(sequence: Sequence, file: SequenceFile, *, now: datetime) -> None:
    """Comparisons belong to the steps, not to a version; one that the file does not name stays as it is."""
    for given in file.steps:
        rules = reading.experiment(given)
        if rules is not None:
            try:
                starting.set_up(sequence, given.id, rules, now=now)
            except ValidationError as error:
                name, messages = next(iter(error.message_dict.items()))
                raise ImportRefused(f"steps.{given.id}.experiment.{name}: {messages[0]}") from error


def find_template(where: str, slug: str, templates: dict[str, EmailTemplate]) -> EmailTemplate:
    """A mail of the file, or of the database."""
    found = templates.get(slug) or EmailTemplate.objects.filter(slug=slug).first()
    if found is None:
        raise ImportRefused(f"{where}: there is no template {slug!r}, neither in this file nor in the database")
    return found


def check_row(row: Any, where: str = "sequence") -> None:
    """The model's own checks (lengths, slugs, uniqueness) as a complaint about a place in the file."""
    try:
        row.full_clean()
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        label = where if name == "__all__" else f"{where}.{name}"
        raise ImportRefused(f"{label}: {messages[0]}") from error


def load_topics(data: dict[str, Any]) -> int:
    """Create the topics of a playbook that are missing; how many. `data`: {topics: [{slug, name, description}]}."""
    made = 0
    for position, given in enumerate(data["topics"]):
        defaults = {"name": given["name"], "description": given.get("description", ""), "position": position}
        made += Topic.objects.get_or_create(slug=given["slug"], defaults=defaults)[1]
    return made
