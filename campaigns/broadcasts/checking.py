"""What keeps a broadcast from being scheduled, each with its place."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from campaigns import actions, rendering
from campaigns.broadcasts import audience, occurring
from campaigns.editing.publishing import Problem
from campaigns.engine import windows
from campaigns.models import Broadcast, BroadcastVariant, EmailTemplate, MessageClass
from leads.rule_fields import VOCABULARY
from lifecycle.core import rules

MOST_VARIANTS = 10
SHORTEST_WAIT = timedelta(minutes=15)


class BroadcastRefused(ValueError):
    """Nothing was done; `problems` says what to mend and where."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def check(broadcast: Broadcast, *, now: datetime) -> None:
    """Raise BroadcastRefused unless the broadcast can go out."""
    found = problems_of(broadcast, now=now)
    if found:
        raise BroadcastRefused(found)


def problems_of(broadcast: Broadcast, *, now: datetime) -> list[Problem]:
    """Everything in the way, in the order of the form."""
    mails = list(broadcast.variants.select_related("template"))
    return [*_mails(broadcast, mails), *_test(broadcast, mails), *_people(broadcast), *_time(broadcast, now)]


def mails_of(broadcast: Broadcast) -> list[EmailTemplate]:
    """Every mail that it may send."""
    chosen = [variant.template for variant in broadcast.variants.select_related("template")]
    return chosen or ([broadcast.template] if broadcast.template else [])


def publish_mails(broadcast: Broadcast, *, now: datetime) -> list[Problem]:
    """Publish the mails that never were; what keeps one from it."""
    problems = []
    for template in mails_of(broadcast):
        if template.current_version_id is None:
            try:
                actions.publish_template(template, now=now)
            except rendering.TemplateProblems as refused:
                problems += [Problem(f"templates.{template.slug}", str(each)) for each in refused.problems]
    return problems


def _mails(broadcast: Broadcast, mails: list[BroadcastVariant]) -> Iterator[Problem]:
    if broadcast.template is None and not mails:
        yield Problem("template", "choose the mail to send, or add variants")
    if broadcast.in_turn and broadcast.crontab_id is None:
        yield Problem("in_turn", "one mail each time needs a crontab: without one it is sent once")
    if broadcast.in_turn and not mails:
        yield Problem("in_turn", "add the mails to send in turn")
    if len(mails) > MOST_VARIANTS and not broadcast.in_turn:
        yield Problem("variants", f"at most {MOST_VARIANTS} variants")
    if mails and not broadcast.in_turn and not sum(mail.weight for mail in mails):
        yield Problem("variants", "at least one variant needs a weight above 0")
    named = [(f"variants.{mail.key}", mail.template) for mail in mails]
    if broadcast.template is not None and not mails:
        named.append(("template", broadcast.template))
    for where, template in named:
        if template.message_class != MessageClass.MARKETING:
            yield Problem(
                where, f"{template.slug} is a transactional mail; a broadcast is marketing, so that people can opt out"
            )


def _test(broadcast: Broadcast, mails: list[BroadcastVariant]) -> Iterator[Problem]:
    if not broadcast.test_percent:
        return
    if broadcast.in_turn:
        yield Problem("test_percent", "mails that are sent in turn are no variants to try; write 0")
    elif sum(mail.weight > 0 for mail in mails) < 2:
        yield Problem("test_percent", "trying needs two variants or more with a weight above 0; or write 0")
    if broadcast.test_wait < SHORTEST_WAIT:
        yield Problem("test_wait", "give people at least 15m to click")


def _people(broadcast: Broadcast) -> Iterator[Problem]:
    for segment in audience.segments_of(broadcast):
        if not segment.is_active:
            yield Problem("segment", f"the segment {segment.slug} is switched off, so nobody is in it")
    if broadcast.excluded_rule is not None:
        for problem in rules.validate(broadcast.excluded_rule, VOCABULARY):
            yield Problem(f"excluded_rule.{problem.path}" if problem.path else "excluded_rule", problem.message)


def _time(broadcast: Broadcast, now: datetime) -> Iterator[Problem]:
    if broadcast.window is not None:
        for where, message in windows.problems(broadcast.window):
            yield Problem(f"window.{where}" if where else "window", message)
    if broadcast.send_at is not None and broadcast.crontab is not None:
        yield Problem("send_at", "choose either a moment or a crontab")
    elif broadcast.crontab is not None:
        yield from _crontab(broadcast.crontab, now)
    elif broadcast.send_at is not None:
        yield from _moment(broadcast, broadcast.send_at, now)


def _crontab(row: occurring.Crontab, now: datetime) -> Iterator[Problem]:
    try:
        recurrence = occurring.read(row)
    except occurring.CrontabError as error:
        yield Problem("crontab", f"cannot be read: {error}")
        return
    if recurrence.next(now) is None:
        yield Problem("crontab", "never comes round; look at its days and months")
    elif len(recurrence.times) > 24:
        yield Problem("crontab", "comes round more than once an hour; a broadcast does not need that")


def _moment(broadcast: Broadcast, at: datetime, now: datetime) -> Iterator[Problem]:
    if broadcast.late_after is not None and at + broadcast.late_after < now:
        yield Problem("send_at", "has passed, and by late_after it is too late to send it")
    elif broadcast.pk and broadcast.runs.filter(occurs_at__gte=at).exists():
        yield Problem("send_at", "it was sent for this moment or a later one; choose another, or empty it")
