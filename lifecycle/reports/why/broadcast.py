"""Why a person got a broadcast, or did not."""

from datetime import datetime

from campaigns.broadcasts import audience, scheduling
from campaigns.models import Broadcast, BroadcastRun, Decision, Message
from leads.models import Lead, SegmentMember
from lifecycle.reports.why.mail import SHOWN, NotThere, became, seen
from lifecycle.reports.why.rows import Answer, Line, told, words_for
from lifecycle.reports.why.sentences import Words


def broadcast(lead: Lead, *, slug: str, now: datetime) -> Answer:
    """Why the lead got, or did not get, the newest sending of a broadcast that meant them. Raises NotThere."""
    found = Broadcast.objects.filter(slug=slug).select_related("segment", "crontab").first()
    if found is None:
        raise NotThere("broadcast", f"There is no broadcast {slug!r}.")
    words = words_for(lead, ())
    question = f"Why did {words.person} get, or not get, the broadcast “{found.name}”?"
    message = Message.objects.filter(lead=lead, broadcast_run__broadcast=found).order_by("-id").first()
    if message is None:
        return Answer(question, _no_message(found, lead, words, now), _today(found, lead, words, now))
    rows = Decision.objects.filter(lead=lead, message_id=message.pk).order_by("id")[:SHOWN]
    lines = [told(row, words) for row in rows]
    return Answer(question, became(message, message.subject or found.name, words), [*lines, *seen(message, words)])


def _no_message(found: Broadcast, lead: Lead, words: Words, now: datetime) -> str:
    run = found.runs.exclude(state=BroadcastRun.State.MISSED).order_by("-occurs_at").first()
    if run is None:
        moment = scheduling.next_moment(found, now=now)
        when = f"it goes out on {words.at(moment)} ({words.zone})" if moment else f"it is {_status(found)}"
        return f"“{found.name}” was sent to nobody yet: {when}."
    began = f"it began on {words.at(run.started_at)} ({words.zone})"
    if run.state == BroadcastRun.State.QUEUING and run.queued_to < lead.pk:
        return f"“{found.name}” is on its way: {began}, and the turn of {words.person} has not come."
    if lead.created_at > run.started_at:
        return f"“{found.name}” was not sent: {began}, before {words.person} was known."
    return f"“{found.name}” was not sent: {began}, and {words.person} was not among its recipients then."


def _status(found: Broadcast) -> str:
    return f"{found.get_status_display().lower()}{f' ({found.note})' if found.note else ''}"


def _today(found: Broadcast, lead: Lead, words: Words, now: datetime) -> list[Line]:
    """Whom it is for, as far as it can still be told: who was in a segment then is not kept."""
    lines = []
    if found.segment is not None:
        inside = SegmentMember.objects.filter(segment=found.segment, lead=lead).exists()
        today = f"{words.person} is in it" if inside else f"{words.person} is not in it"
        lines.append(Line(None, f"It is for the segment {found.segment}: today {today}."))
    else:
        lines.append(Line(None, "It is for everybody."))
    if audience.left_out(found, after=lead.pk - 1, until=lead.pk, now=now):
        lines.append(Line(None, f"It leaves some people out, and today {words.person} is one of them."))
    return lines
