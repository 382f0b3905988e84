"""Decisions as they are read: one line each, with the names they speak of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from campaigns.models import Decision, Message
from campaigns.models import Sequence as CampaignSequence
from campaigns.running.people import zone_of
from leads.models import Event, Lead, Workspace
from lifecycle.reports.planned import mails_of
from lifecycle.reports.why import sentences
from lifecycle.reports.why.sentences import Words

SHOWN = 100


@dataclass(frozen=True, slots=True)
class Line:
    """One reason. `check`: what decided, "" where nothing was checked; `outcome`: what came of it."""

    at: datetime | None
    text: str
    check: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """`short` answers the question in a sentence; `because` gives the reasons in their order."""

    question: str
    short: str
    because: list[Line]


def words_for(lead: Lead, sequence_ids: Iterable[int] | None = None) -> Words:
    """The names for sentences about a lead. Two queries; `lead.company` should be selected."""
    every = CampaignSequence.objects.only("pk", "name")
    chosen = every if sequence_ids is None else every.filter(pk__in=set(sequence_ids))
    names = {sequence.pk: sequence.name for sequence in chosen}
    return Words(lead.first_name or "This person", clock_of(lead), names, mails_of(names))


def clock_of(lead: Lead) -> str:
    """The time zone that the engine takes for theirs."""
    company = lead.company.time_zone if lead.company else ""
    return zone_of(lead.timezone, company, Workspace.load().time_zone)


def told(row: Decision, words: Words) -> Line:
    """A decision in a sentence."""
    values = row.values or {}
    match row.about:
        case Decision.About.SEND:
            text = sentences.of_send(
                row.outcome, row.check_name, values, words, words.messages.get(row.message_id or 0)
            )
        case Decision.About.ENTRY:
            text = sentences.of_entry(row.outcome, row.check_name, values, row.sequence_id, words)
        case Decision.About.EXIT:
            text = sentences.of_exit(values, row.sequence_id, words)
        case _:
            text = sentences.of_step(row.outcome, values, row.sequence_id, row.step_key, words)
    return Line(row.at, text, row.check_name, row.outcome)


def told_all(rows: Sequence[Decision], words: Words) -> list[Line]:
    """Decisions in their order, with the kinds of the events that led to them. At most one query."""
    ids = {row.values["event"] for row in rows if row.values and row.values.get("event")}
    kinds = dict(Event.objects.filter(pk__in=ids).values_list("pk", "kind")) if ids else {}
    return [told(row, replace(words, events=kinds)) for row in rows]


def log_of(lead: Lead, *, most: int = SHOWN) -> list[Line]:
    """Everything decided about a lead that is still kept, the newest first. Six queries."""
    rows = list(Decision.objects.filter(lead=lead).order_by("-id")[:most])
    words = replace(words_for(lead), messages=names_of({row.message_id for row in rows if row.message_id}))
    return told_all(rows, words)


def names_of(message_ids: Iterable[int]) -> dict[int, str]:
    """Message → what people call it: its broadcast, else its subject once it is rendered, else its mail."""
    related = ("broadcast_run__broadcast", "template_version__template")
    rows = Message.objects.filter(pk__in=list(message_ids)).select_related(*related)
    return {row.pk: _name(row) for row in rows}


def _name(message: Message) -> str:
    if message.broadcast_run is not None:
        return message.broadcast_run.broadcast.name
    return message.subject or message.template_version.template.name
