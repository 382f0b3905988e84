"""From a sequence to its file: the current version, or the draft of one that was never published."""

from collections.abc import Callable, Mapping
from datetime import time
from typing import Any

import yaml

from campaigns.exchange import times
from campaigns.exchange.reading import WEEKDAYS
from campaigns.models import EmailTemplate, Experiment, Sequence, SequenceVersion, Step, Variant
from lifecycle.core import durations

# Files do not mention what everybody has.
USUAL_GRACE = SequenceVersion._meta.get_field("grace").default


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, so that a mail's body reads like a mail's body."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
_Dumper.ignore_aliases = lambda *args: True  # type: ignore[method-assign]


def export_sequence(slug: str) -> str:
    """The file of a sequence with every mail it uses. Raises Sequence.DoesNotExist; ValueError if it has no version."""
    sequence = Sequence.objects.select_related("group", "current_version").get(slug=slug)
    version = sequence.current_version or sequence.versions.first()
    if version is None:
        raise ValueError(f"{slug} has neither a published version nor a draft")
    steps = _steps_of(version)
    experiments = {experiment.step_key: experiment for experiment in sequence.experiments.all()}
    content = {
        "kind": "sequence",
        "version": 1,
        "slug": sequence.slug,
        "name": sequence.name,
        "description": sequence.description,
        "group": sequence.group.slug if sequence.group else "",
        "priority": sequence.priority,
        "entry": _entry(version),
        "exits": version.exits,
        "holdout": version.holdout_percent or "",
        "window": version.window or None,
        "steps": [_step(step, experiments) for step in steps],
        "templates": [_template(template) for template in _templates(steps)],
    }
    return yaml.dump(
        {name: value for name, value in content.items() if value not in ("", None)},
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=110,
    )


def described(version: SequenceVersion) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a version says, as in a file: its settings (entry, exits …) by name, and its steps."""
    settings = {"entry": _entry(version), "exits": version.exits, "window": version.window or {}}
    settings["holdout"] = version.holdout_percent
    return settings, [_step(step, {}) for step in _steps_of(version)]


def _steps_of(version: SequenceVersion) -> list[Step]:
    return list(version.living_steps().select_related("template__topic").prefetch_related("variants__template__topic"))


def _entry(version: SequenceVersion) -> dict[str, Any]:
    reentry: Any = version.reentry
    if version.reentry_after is not None:
        reentry = {"after": durations.format(version.reentry_after)}
    entry = {
        "triggers": version.triggers,
        "filters": version.filters,
        "reentry": reentry,
        "key": version.key_property,
        "second_trigger": version.second_trigger,
        "grace": durations.format_signed(version.grace) if version.grace != USUAL_GRACE else "",
    }
    return {name: value for name, value in entry.items() if value not in ("", None)}


def _step(step: Step, experiments: Mapping[str, Experiment]) -> dict[str, Any]:
    written: dict[str, Any] = {"id": step.key, **_WRITERS[step.kind](step)}
    if step.key in experiments and "variants" in (written.get("send") or ()):
        written["experiment"] = _experiment(experiments[step.key])
    if step.journey_stage:
        written["journey_stage"] = step.journey_stage
    return written


def _send(step: Step) -> dict[str, Any]:
    variants = [_variant(variant) for variant in step.variants.all()]
    mail = {"variants": variants} if variants else step.template.slug if step.template else ""
    return {"send": mail, **times.write_send(step)}


def _variant(variant: Variant) -> dict[str, Any]:
    written: dict[str, Any] = {"key": variant.key, "weight": variant.weight, "template": variant.template.slug}
    if variant.subject:
        written["subject"] = variant.subject
    if variant.time_of_day is not None:
        written["time"] = _clock(variant.time_of_day)
    return written


def _clock(at: time) -> str:
    return f"{at:%H:%M:%S}".removesuffix(":00")


def _experiment(experiment: Experiment) -> dict[str, Any]:
    written = {
        "goal": experiment.goal,
        "where": experiment.goal_where,
        "within": durations.format(experiment.goal_within),
        "minimum_sample": experiment.minimum_sample,
        "auto_promote": experiment.auto_promote,
    }
    return {name: value for name, value in written.items() if value not in ([], False)}


def _wait(step: Step) -> dict[str, Any]:
    elapsed = durations.format(step.duration) if step.duration else ""
    return {"wait": {"elapsed": elapsed, "from": "enrollment"} if step.from_enrollment else elapsed}


def _calendar(step: Step) -> dict[str, Any]:
    at = {"time": _clock(step.time_of_day)} if step.time_of_day else {}
    day = {"weekday": WEEKDAYS[step.weekday]} if step.weekday is not None else {}
    return {"wait": {"calendar": {**day, **at}}}


def _event(step: Step) -> dict[str, Any]:
    at_most = durations.format(step.duration) if step.duration else ""
    wait = {
        "event": step.event_kind,
        "where": step.where,
        "at_most": at_most,
        "then": step.then_key,
        "else": step.else_key,
    }
    return {"wait": {name: value for name, value in wait.items() if value}}


def _branch(step: Step) -> dict[str, Any]:
    branch = {"if": step.condition, "then": step.then_key, "else": step.else_key}
    return {"branch": {name: value for name, value in branch.items() if name == "if" or value}}


_WRITERS: dict[str, Callable[[Step], dict[str, Any]]] = {
    Step.Kind.SEND: _send,
    Step.Kind.WAIT: _wait,
    Step.Kind.WAIT_CALENDAR: _calendar,
    Step.Kind.WAIT_EVENT: _event,
    Step.Kind.WAIT_DATE: times.write_date,
    Step.Kind.BRANCH: _branch,
    Step.Kind.SET: lambda step: {"set": {"field": step.field, "value": step.value}},
    Step.Kind.NOTIFY: lambda step: {"notify": {"message": step.message}},
    Step.Kind.TASK: lambda step: {"task": {"title": step.message}},
    Step.Kind.WEBHOOK: lambda step: {"webhook": {"url": step.url}},
    Step.Kind.ENROLL: lambda step: {"enroll": {"sequence": step.target}},
    Step.Kind.EXIT: lambda step: {"exit": {"sequence": step.target}},
    Step.Kind.END: lambda step: {"end": True},
}


def _templates(steps: list[Step]) -> list[EmailTemplate]:
    used: dict[str, EmailTemplate] = {}
    for step in steps:
        for template in step.mails():
            used[template.slug] = template
    return list(used.values())


def _template(template: EmailTemplate) -> dict[str, Any]:
    written = {
        "slug": template.slug,
        "name": template.name,
        "class": template.message_class,
        "topic": template.topic.slug if template.topic else "",
        "format": template.format if template.format != "mjml" else "",
        "subject": template.subject,
        "preheader": template.preheader,
        "body": template.body,
        "text": template.text,
        "utm": None if template.adds_utm else False,
        "utm_campaign": template.utm_campaign,
        "attachment": template.attachment,
    }
    return {name: value for name, value in written.items() if value or value is False}
