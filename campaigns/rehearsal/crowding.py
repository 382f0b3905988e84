"""Whose real mails would have met the cap because of the rehearsed ones. Pure."""

from datetime import datetime, timedelta

from campaigns.rehearsal.past import Past
from campaigns.rehearsal.records import Record
from campaigns.rehearsal.standing import Scene


def crowd(record: Record, past: Past, scene: Scene) -> None:
    """Note each real marketing mail that left within the cap alone, and would not have with ours before it."""
    ours = [mail.settled_at for mail in record.mails if mail.state == "sent" and mail.is_marketing and mail.settled_at]
    if not ours or not past.mails:
        return
    span, most = timedelta(days=scene.policy.cap_days), scene.policy.cap_messages
    theirs = [mail.at for mail in past.mails]
    for mail in past.mails:
        if mail.at < scene.asked.since:
            continue
        alone = _between(theirs, mail.at - span, mail.at)
        if alone < most <= alone + _between(ours, mail.at - span, mail.at):
            record.crowds.append(mail.sequence)


def _between(times: list[datetime], after: datetime, before: datetime) -> int:
    return sum(after < at < before for at in times)
