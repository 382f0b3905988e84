"""What a person is going to get, as the engine would decide it: “mail 3 on Thu 09:00”."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from campaigns.engine import foresight, windows
from campaigns.engine.deciding import Journey
from campaigns.engine.steps import SendStep
from campaigns.experiments import assigning
from campaigns.models import EmailTemplate, Enrollment, Message, MessageClass
from campaigns.running import journeys, people, runner
from campaigns.sending import holidays, timing
from leads.models import Lead, Workspace
from lifecycle.core import rules
from lifecycle.reports.planned import mails_of, open_messages, source_of

MOST_RUNS = 50


@dataclass(frozen=True, slots=True)
class Planned:
    """A mail to come, a wait that an event may end earlier, or the end of a run. `at` is on no clock but UTC's."""

    sequence: str
    step_key: str
    what: str
    name: str
    at: datetime
    why: str = ""


def future_of(run: Enrollment, *, now: datetime) -> list[Planned]:
    """What comes for one run. [] when it is over, or stands still with its frozen sequence."""
    return future([run], now=now)


def plan_of(lead: Lead, *, now: datetime) -> list[Planned]:
    """All that comes for a lead: of their newest runs, and queued mail of no run, as of broadcasts."""
    runs = Enrollment.objects.filter(lead=lead, state=Enrollment.State.ACTIVE).select_related("sequence")
    single = [_single(mail) for mail in open_messages([lead.pk]) if mail.enrollment_id is None]
    return sorted([*future(list(runs.order_by("-pk")[:MOST_RUNS]), now=now), *single], key=lambda each: each.at)


def _single(mail: Message) -> Planned:
    name = mail.subject or mail.template_version.template.name
    return Planned(source_of(mail), "", "mail", name, mail.due_at, mail.reason)


def future(runs: Collection[Enrollment], *, now: datetime) -> list[Planned]:
    """What comes for these runs (their sequences selected) if nothing more happens, the soonest first.

    No mail that is kept back from the control group. At most nine queries whatever the number of runs.
    """
    named = {run.pk: run.sequence.name for run in runs}
    standing = runner.inside([run.pk for run in runs if not run.is_held])
    if not standing:
        return []
    known = journeys.load(run.version_id for run in standing)
    needs = rules.Needs().merge(*(need for each in known.values() for need in (each.exit_needs, each.step_needs)))
    workspace = Workspace.load()
    persons = people.load({run.lead_id: now for run in standing}, needs, workspace)
    met = assigning.load(known.values(), (run.lead_id for run in standing))
    opens = Message.objects.filter(enrollment__in=[run.id for run in standing], state__in=Message.OPEN)
    queued = {message.enrollment_id: message for message in opens}
    mails = mails_of({each.sequence_id for each in known.values()})
    hours = [step.window for journey in known.values() for step in journey.steps if isinstance(step, SendStep)]
    calendar = timing.Calendar(timing.quiet(workspace), holidays.load(hours, now=now))
    kept_back = _marketing(known.values()) if any(run.is_holdout for run in standing) else frozenset()
    planned: list[Planned] = []
    for run in standing:
        journey, person, waiting = known.get(run.version_id), persons[run.lead_id], queued.get(run.id)
        if journey is None or (waiting is None and run.due_at is None):
            continue
        if waiting is not None and not waiting.is_shadow:
            name = waiting.subject or mails.get((journey.sequence_id, waiting.step_key), waiting.step_key)
            planned.append(Planned(named[run.id], waiting.step_key, "mail", name, waiting.due_at, waiting.reason))
        begin = max(now, waiting.due_at if waiting else run.due_at or now)
        position = runner.position_of(run._replace(due_at=begin if waiting else run.due_at), journey, person, met)
        opening = _opening(calendar, person)
        for seen in foresight.foresee(journey, position, person.facts(run.goal_since), begin, open_at=opening):
            if seen.is_shadow and seen.template_id in kept_back:
                continue
            name = mails.get((journey.sequence_id, seen.step_key), seen.step_key) if seen.what == "mail" else ""
            planned.append(Planned(named[run.id], seen.step_key, seen.what, name, seen.at, seen.why))
    return sorted(planned, key=lambda each: each.at)


def _marketing(journeys: Iterable[Journey]) -> frozenset[int]:
    """The mails of these journeys that are marketing, by template id."""
    sends = [step for journey in journeys for step in journey.steps if isinstance(step, SendStep)]
    chosen = {variant.template_id for step in sends for variant in step.variants}
    found = EmailTemplate.objects.filter(pk__in=chosen, current_version__message_class=MessageClass.MARKETING)
    return frozenset(found.values_list("pk", flat=True))


def _opening(calendar: timing.Calendar, person: people.Person) -> foresight.OpenAt:
    """When a mail may leave: inside its window, outside the quiet hours, on the person's clock."""
    quiet = calendar.quiet.complement if calendar.quiet else None
    off = calendar.holidays.of(str(person.row["country"] or ""))

    def open_at(step: SendStep, at: datetime) -> datetime:
        hours = [window for window in (step.window, quiet) if window is not None]
        return windows.next_open(hours, at, zone=person.zone, holidays=off) or at

    return open_at
