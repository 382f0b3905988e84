"""Why a person got a mail of a sequence, or did not."""

from datetime import datetime

from campaigns.models import Decision, Enrollment, Message, Sequence, Step
from leads.models import Lead
from lifecycle.reports.future import future_of
from lifecycle.reports.why import sentences
from lifecycle.reports.why.rows import Answer, Line, told_all, words_for
from lifecycle.reports.why.sentences import Words

SHOWN = 60
STATES = {
    Message.State.READY: "is queued",
    Message.State.SENDING: "is being sent",
    Message.State.FAILED: "could not be sent",
    Message.State.UNKNOWN: "may or may not have arrived",
    Message.State.SUPPRESSED: "was not sent",
    Message.State.EXPIRED: "was not sent",
    Message.State.CANCELED: "was not sent",
}


class NotThere(LookupError):
    """No such sequence, mail or broadcast. The message says what there is, `field` what to mend."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def mail(lead: Lead, *, sequence: str, which: str = "1", now: datetime) -> Answer:
    """Why the lead got, or did not get, a mail. `which`: its number among the sequence's mails, or its step's name.

    Raises NotThere.
    """
    found = Sequence.objects.filter(slug=sequence).select_related("current_version").first()
    if found is None:
        raise NotThere("sequence", f"There is no sequence {sequence!r}.")
    run = Enrollment.objects.filter(lead=lead, sequence=found).order_by("-id").first()
    step = _step(found, run, which)
    words = words_for(lead, [found.pk])
    question = f"Why did {words.person} get, or not get, “{words.mail(found.pk, step.key)}” of {found.name}?"
    if run is None:
        return Answer(question, *_never_entered(lead, found, words))
    message = Message.objects.filter(enrollment=run, step_key=step.key).order_by("-id").first()
    lines = _log(lead, found, run, message, words)
    if message is None:
        return Answer(question, _no_mail(run, step, words, now), lines)
    name = message.subject or words.mail(message.sequence_id, message.step_key)
    return Answer(question, became(message, name, words), [*lines, *seen(message, words)])


def _step(sequence: Sequence, run: Enrollment | None, which: str) -> Step:
    version_id = run.version_id if run else sequence.current_version_id
    steps = list(Step.objects.filter(version_id=version_id, kind=Step.Kind.SEND).order_by("position", "id"))
    if which.isdecimal() and 0 < int(which[:4]) <= len(steps):
        return steps[int(which) - 1]
    step = next((step for step in steps if step.key == which), None)
    if step is None:
        known = ", ".join(f"{number} {each.key}" for number, each in enumerate(steps, start=1))
        raise NotThere("mail", f"{sequence.name} has no mail {which!r}. It has: {known or 'none'}.")
    return step


def _never_entered(lead: Lead, sequence: Sequence, words: Words) -> tuple[str, list[Line]]:
    rows = Decision.objects.filter(lead=lead, sequence_id=sequence.pk, about=Decision.About.ENTRY).order_by("-id")[:10]
    lines = told_all(list(rows)[::-1], words)
    if lines:
        return lines[-1].text, lines
    triggers = sequence.current_version.triggers if sequence.current_version else []
    waits_for = ", ".join(_trigger(entry) for entry in triggers)
    short = f"{words.person} never entered {sequence.name}: nothing that starts it happened."
    starts = f"It starts with {waits_for}." if waits_for else "Nothing starts it by itself; people and programs may."
    return short, [Line(None, starts)]


def _trigger(entry: dict[str, object]) -> str:
    if "segment" in entry:
        return f"entering the segment {entry['segment']}"
    return f"the date {entry['date']}" if "date" in entry else str(entry.get("event", "an event"))


def _log(lead: Lead, sequence: Sequence, run: Enrollment, message: Message | None, words: Words) -> list[Line]:
    """The entry, the way to the mail, and what was said to it; without a mail, how the run went on and ended."""
    rows = Decision.objects.filter(lead=lead, enrollment_id=run.pk).order_by("id")[:SHOWN]
    own = message.pk if message else None
    told = [row for row in rows if row.about != Decision.About.SEND or row.message_id == own]
    if message is not None and message.state == Message.State.SENT:
        about = [place for place, row in enumerate(told) if row.step_key == message.step_key]
        told = told[: about[-1] + 1] if about else told
    lines = told_all(told, words)
    if not any(line.outcome == "enrolled" for line in lines):
        lines.insert(0, Line(run.enrolled_at, f"{words.person} entered {sequence.name}.", "", "enrolled"))
    return lines


def _no_mail(run: Enrollment, step: Step, words: Words, now: datetime) -> str:
    name = words.mail(run.sequence_id, step.key)
    if run.state == Enrollment.State.ENDED:
        return f"“{name}” was not sent: the run ended on {words.at(run.ended_at)}, before it: {run.exit_reason}."
    for planned in future_of(run, now=now):
        if planned.step_key == step.key:
            return f"“{name}” comes on {words.at(planned.at)} ({words.zone})."
    return f"“{name}” was not sent: the way of {words.person} did not lead by it."


def became(message: Message, name: str, words: Words) -> str:
    """What became of a mail, in a sentence."""
    if message.state == Message.State.SENT:
        return f"“{name}” was sent on {words.at(message.sent_at)} ({words.zone})."
    waits = f" until {words.at(message.due_at)}" if message.state == Message.State.READY else ""
    check, _, rest = message.reason.partition(": ")
    values = (message.checks or {}).get(check, {})
    why = sentences.objection(check, values or {"text": rest or message.reason}, words) if message.reason else ""
    return f"“{name}” {STATES[Message.State(message.state)]}{waits}{f': {why}' if why else ''}."


def seen(message: Message, words: Words) -> list[Line]:
    """What each check saw at the last look."""
    lines = []
    for check, values in (message.checks or {}).items():
        said = values.get("said") if isinstance(values, dict) else None
        label = sentences.NAMES.get(check, check)
        seen = sentences.objection(check, values, words) if said else sentences.passed(check, values, words)
        lines.append(Line(message.claimed_at, f"{label}: {seen}.", check, said or "passed"))
    return lines
