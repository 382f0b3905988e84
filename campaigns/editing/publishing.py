"""From draft to immutable version: everything that could go wrong later is refused here, with its place."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.conf import settings

from campaigns.editing import admission, scheduling
from campaigns.editing.tombstones import reused
from campaigns.engine.fields import SETTABLE, TRUE_OR_FALSE
from campaigns.experiments import checking
from campaigns.models import Sequence, SequenceVersion, Step
from campaigns.running import journeys
from leads.rule_fields import VOCABULARY
from lifecycle.core import http, rules

LONGEST = 200
HIGHEST_HOLDOUT = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """`where`: steps.welcome.template, exits[0].when.all[1].op …"""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class PublishRefused(ValueError):
    """Nothing was published; `problems` says what to mend and where."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def problems_of(version: SequenceVersion) -> list[Problem]:
    """Everything that keeps a draft from being published."""
    steps = list(version.living_steps().prefetch_related("variants").select_related("template"))
    said = [*admission.of_entry(version), *admission.of_exits(version)]
    found = [Problem(where, message) for where, message in said]
    if not steps:
        found.append(Problem("steps", "a sequence needs at least one step"))
    if len(steps) > LONGEST:
        found.append(Problem("steps", f"at most {LONGEST} steps"))
    found += [Problem(f"steps.{key}.{where}", says) for key, (where, says) in checking.of_experiments(version, steps)]
    if not 0 <= version.holdout_percent <= HIGHEST_HOLDOUT:
        found.append(Problem("holdout", f"a whole number of percent, from 0 to {HIGHEST_HOLDOUT}"))
    found += [Problem(where, message) for where, message in scheduling.of_windows(version, steps)]
    later = {step.key: position for position, step in enumerate(steps)}
    for position, step in enumerate(steps):
        found += [Problem(f"steps.{step.key}.{where}", message) for where, message in _step(step, position, later)]
    found += [Problem(f"steps.{key}.id", message) for key, message in reused(version, steps)]
    return found


def _step(step: Step, position: int, places: dict[str, int]) -> Iterator[tuple[str, str]]:
    for name in ("then_key", "else_key"):
        target = getattr(step, name)
        label = name.removesuffix("_key")
        if target and target not in places:
            yield label, f"there is no step {target}"
        elif target and places[target] <= position:
            yield label, f"{target} comes before this step; a sequence only runs forward"
    check = _CHECKS.get(step.kind)
    if check is not None:
        yield from check(step)


def _check_send(step: Step) -> Iterator[tuple[str, str]]:
    chosen = list(step.variants.all())
    if not chosen and step.template_id is None:
        yield "template", "choose the mail to send, or add variants"
    yield from checking.of_variants(chosen)
    yield from scheduling.of_lateness(step)


def _check_wait(step: Step) -> Iterator[tuple[str, str]]:
    if not step.duration or step.duration.total_seconds() <= 0:
        yield "wait", "say how long, for instance 7d"


def _check_calendar(step: Step) -> Iterator[tuple[str, str]]:
    if step.time_of_day is None:
        yield "calendar.time", "say at what time, for instance 09:00"


def _check_event(step: Step) -> Iterator[tuple[str, str]]:
    if not step.event_kind:
        yield "event", "name the event to wait for, like email.clicked"
    else:
        test = {"event": step.event_kind, "where": step.where}
        yield from ((problem.path, problem.message) for problem in rules.validate(test, VOCABULARY))
    if not step.duration or step.duration.total_seconds() <= 0:
        yield "at_most", "say how long to wait at most, for instance 3d"


def _check_branch(step: Step) -> Iterator[tuple[str, str]]:
    yield from admission.rule("if", step.condition, since=True)


def _check_set(step: Step) -> Iterator[tuple[str, str]]:
    name = step.field or ""
    if name not in SETTABLE and not (name.startswith("attributes.") and len(name) > len("attributes.")):
        yield "set.field", f"{name or 'nothing'} cannot be set; use attributes.<name> or {', '.join(sorted(SETTABLE))}"
    elif name in TRUE_OR_FALSE and not isinstance(step.value, bool):
        yield "set.value", f"{name} is either true or false"


def _check_notify(step: Step) -> Iterator[tuple[str, str]]:
    if not step.message.strip():
        yield "notify.message", "write what the rep should read"


def _check_task(step: Step) -> Iterator[tuple[str, str]]:
    if not step.message.strip():
        yield "task.title", "write what the rep has to do"


def _check_webhook(step: Step) -> Iterator[tuple[str, str]]:
    try:
        http.check_address(step.url, allow_private=settings.ALLOW_PRIVATE_WEBHOOKS)
    except http.Refused as refused:
        yield "webhook.url", str(refused)


def _check_target(step: Step) -> Iterator[tuple[str, str]]:
    where, others = f"{step.kind}.sequence", Sequence.objects.exclude(pk=step.version.sequence_id)
    if step.target == step.version.sequence.slug:
        yield where, "names this sequence itself; name another one"
    elif not others.filter(slug=step.target).exists():
        yield where, f"there is no sequence {step.target or 'without a name'}; write the slug of one"


_CHECKS: dict[str, Callable[[Step], Iterator[tuple[str, str]]]] = {
    Step.Kind.SEND: _check_send,
    Step.Kind.WAIT: _check_wait,
    Step.Kind.WAIT_CALENDAR: _check_calendar,
    Step.Kind.WAIT_EVENT: _check_event,
    Step.Kind.WAIT_DATE: scheduling.of_date,
    Step.Kind.BRANCH: _check_branch,
    Step.Kind.SET: _check_set,
    Step.Kind.NOTIFY: _check_notify,
    Step.Kind.TASK: _check_task,
    Step.Kind.WEBHOOK: _check_webhook,
    Step.Kind.ENROLL: _check_target,
    Step.Kind.EXIT: _check_target,
}


def check(version: SequenceVersion) -> None:
    """Raise PublishRefused unless the version can run."""
    found = problems_of(version)
    if found:
        raise PublishRefused(found)
    journeys.build(version)
