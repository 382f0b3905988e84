"""What a person gets next, as far as it is decided."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.models import Enrollment, Message, MessageClass, Step


@dataclass(frozen=True, slots=True)
class Planned:
    """A mail to come. `at` is its earliest time, None while it hangs on an event or a mail; `why` a deferral."""

    sequence: str
    mail: str
    at: datetime | None
    why: str = ""


def next_mails(lead_ids: Iterable[int]) -> dict[int, list[Planned]]:
    """The next mail of each conversation a lead is in, the soonest first. Three queries."""
    people = list(lead_ids)
    planned: dict[int, list[Planned]] = defaultdict(list)
    queued = set()
    for message in open_messages(people):
        mail = message.subject or message.template_version.template.name
        planned[message.lead_id].append(Planned(source_of(message), mail, message.due_at, message.reason))
        queued.add(message.enrollment_id)
    runs = [run for run in active_runs(people) if run.pk not in queued]
    steps = steps_by_version({run.version_id for run in runs})
    for run in runs:
        following = next_send(run, steps[run.version_id])
        if following:
            planned[run.lead_id].append(following)
    for mails in planned.values():
        mails.sort(key=lambda mail: (mail.at is None, mail.at))
    return planned


def open_messages(people: Sequence[int]) -> list[Message]:
    """What is queued for them, without what the control group never gets."""
    rows = Message.objects.filter(lead_id__in=people, state__in=Message.OPEN, is_shadow=False)
    related = ("sequence", "template_version__template", "broadcast_run__broadcast")
    return list(rows.select_related(*related).order_by("due_at"))


def source_of(message: Message) -> str:
    """What a mail belongs to, by name: its sequence or its broadcast."""
    if message.sequence:
        return message.sequence.name
    return message.broadcast_run.broadcast.name if message.broadcast_run else "Single mail"


def active_runs(people: Sequence[int]) -> list[Enrollment]:
    rows = Enrollment.objects.filter(lead_id__in=people, state=Enrollment.State.ACTIVE)
    return list(rows.select_related("sequence").order_by("pk"))


def steps_by_version(version_ids: Iterable[int]) -> dict[int, list[Step]]:
    steps: dict[int, list[Step]] = defaultdict(list)
    rows = Step.objects.filter(version_id__in=list(version_ids)).select_related("template")
    for step in rows.prefetch_related("variants__template").order_by("version_id", "position", "pk"):
        steps[step.version_id].append(step)
    return steps


def next_send(run: Enrollment, steps: Sequence[Step]) -> Planned | None:
    """The first send at or after the step where the run stands, taking every branch as a fall-through.

    Of a run in the control group the first that is not kept back from it."""
    keys = [step.key for step in steps]
    if run.step_key not in keys:
        return None
    at = run.due_at
    for step in steps[keys.index(run.step_key) :]:
        if step.kind == Step.Kind.SEND and not (run.is_holdout and is_marketing(step)):
            return Planned(run.sequence.name, mail_of(step), at)
        if step.key != run.step_key and at is not None:
            at = at + (step.duration or timedelta()) if step.kind == Step.Kind.WAIT else at
    return None


def is_marketing(step: Step) -> bool:
    return any(template.message_class == MessageClass.MARKETING for template in step.mails())


def mail_of(step: Step) -> str:
    """The name of the mail a send step sends, or of each of its variants."""
    names = [variant.template.name for variant in step.variants.all()]
    return " / ".join(names) or (step.template.name if step.template else step.key)


def mails_of(sequence_ids: Iterable[int]) -> dict[tuple[int | None, str], str]:
    """(sequence, step key) → the mail's name, by each sequence's newest version that has the step."""
    steps = Step.objects.filter(version__sequence_id__in=list(sequence_ids), kind=Step.Kind.SEND)
    rows = steps.order_by("version__number", "-variants__key").values_list(
        "version__sequence_id", "key", "template__name", "variants__template__name"
    )
    return {(sequence_id, key): own or of_variant or key for sequence_id, key, own, of_variant in rows}
