"""Two phases of sending over real SMTP: every message ends in one state, whatever the server or the worker does."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from pytest_django import Settings

from campaigns.consent import suppressing
from campaigns.exchange import import_sequence
from campaigns.models import Message, Topic
from campaigns.running import exits, runner
from campaigns.sending import outbox, settling
from campaigns.sending.delivery import open_transport
from campaigns.sending.delivery.contract import Outgoing, Receipt
from leads import actions
from leads.batch import NewEvent
from leads.models import Lead
from lifecycle import engine
from tests.cast import ADA, World, letters, messages, run_of
from tests.factories import NOON, LeadFactory
from tests.smtp_server import SmtpServer

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

MINUTE = timedelta(minutes=1)


def people(*names: str) -> list[Lead]:
    return [LeadFactory(email=f"{name}@example.com") for name in names]


def states(mails: Sequence[Message]) -> list[str]:
    found = dict(Message.objects.filter(pk__in=[mail.pk for mail in mails]).values_list("pk", "state"))
    return [found[mail.pk] for mail in mails]


def run_out(mails: Sequence[Message]) -> None:
    """Their leases run out, as if five minutes had passed."""
    Message.objects.filter(pk__in=[mail.pk for mail in mails]).update(lease_until=Now() - MINUTE)


class Between:
    """The real transport, one mail at a time; before it sends mail number `at`, something happens."""

    batch_size = 1

    def __init__(self, at: int, happens: Callable[[], object]) -> None:
        self._inner, self._at, self._happens, self._seen = open_transport(), at, happens, 0

    def deliver(self, batch: Sequence[Outgoing]) -> list[Receipt]:
        if self._seen == self._at:
            self._happens()
        self._seen += len(batch)
        return self._inner.deliver(batch)

    def close(self) -> None:
        self._inner.close()


class WorkerDied(BaseException):
    """What kill -9 is to a worker: nothing after it is run."""


def die() -> None:
    raise WorkerDied


# --- what the server says


def test_one_refused_recipient_fails_alone(world: World, smtp_server: SmtpServer) -> None:
    mails = letters(people("ann", "bob", "cleo"))
    smtp_server.script("bob@example.com", rcpt="550 5.1.1 no such user")
    counts = world.run()
    assert (counts["sent"], counts["failed"]) == (2, 1)
    assert states(mails) == ["sent", "failed", "sent"]
    assert smtp_server.recipients == ["ann@example.com", "cleo@example.com"]
    failed = Message.objects.get(pk=mails[1].pk)
    assert failed.reason.startswith("refused: 550 5.1.1")
    assert "bob@example.com" not in failed.reason


def test_a_temporary_refusal_is_tried_again_a_minute_later(world: World, smtp_server: SmtpServer) -> None:
    mails = letters(people("ann", "bob"))
    smtp_server.script("bob@example.com", rcpt="451 4.7.1 greylisted", times=1)
    world.run()
    assert states(mails) == ["sent", "ready"]
    waiting = Message.objects.get(pk=mails[1].pk)
    assert (waiting.attempts, waiting.due_at) == (1, NOON + MINUTE)
    assert waiting.reason.startswith("retry: 451")
    world.at(minutes=1)
    assert states(mails) == ["sent", "sent"]
    assert smtp_server.recipients == ["ann@example.com", "bob@example.com"]


def test_it_gives_up_after_five_attempts(world: World, smtp_server: SmtpServer) -> None:
    mails = letters(people("ann"))
    smtp_server.script("ann@example.com", rcpt="451 4.7.1 greylisted")
    for hour in range(8):
        world.at(hours=hour)
    assert states(mails) == ["failed"]
    mail = Message.objects.get()
    assert (mail.attempts, mail.reason) == (5, "attempts: gave up after 5")


def test_a_server_that_is_down_costs_nobody_an_attempt(world: World, settings: Settings) -> None:
    mails = letters(people("ann", "bob", "cleo"))
    gone = SmtpServer()
    gone.start()
    gone.stop()
    settings.MAIL = gone.settings
    transport = open_transport()
    for minute in range(10):
        engine.run(transport, now=NOON + minute * MINUTE)
    assert states(mails) == ["ready"] * 3
    assert set(Message.objects.values_list("attempts", flat=True)) == {0}
    assert all(reason.startswith("retry:") for reason in Message.objects.values_list("reason", flat=True))
    back = SmtpServer(port=gone.port)
    back.start()
    engine.run(transport, now=NOON + 12 * MINUTE)
    assert states(mails) == ["sent"] * 3
    assert sorted(back.recipients) == ["ann@example.com", "bob@example.com", "cleo@example.com"]
    transport.close()
    back.stop()


def test_a_connection_lost_after_the_body_leaves_the_mail_unknown(world: World, smtp_server: SmtpServer) -> None:
    mails = letters(people("ann", "bob"))
    smtp_server.script("ann@example.com", reset="accepted", times=1)
    world.run()
    assert states(mails) == ["unknown", "sent"]
    for day in (1, 30):
        world.at(days=day)
    assert states(mails) == ["unknown", "sent"], "marketing waits for a person's word"
    assert smtp_server.recipients.count("ann@example.com") == 1

    assert outbox.requeue([mails[0].pk], now=world.now) == 1
    world.run()
    assert states(mails) == ["sent", "sent"]
    first, second = [mail.message["Message-ID"] for mail in smtp_server.mails if mail.recipient == "ann@example.com"]
    assert first == second


def test_send_again_works_when_it_was_the_last_mail_of_its_sequence(world: World, smtp_server: SmtpServer) -> None:
    ada = world.submit("api-docs", **ADA)
    world.tell(ada, "api.rate_limited")
    world.run()
    smtp_server.script(ada.email, reset="accepted", times=1)
    world.at(minutes=10)
    assert run_of(ada, "rate-limit-help").exit_reason == "completed"
    mail = Message.objects.get(sequence__slug="rate-limit-help")
    assert mail.state == "unknown"
    outbox.requeue([mail.pk], now=world.now)
    world.run()
    assert states([mail]) == ["sent"]


RECEIPT = """
kind: sequence
version: 1
slug: receipt
name: Receipt
entry: {triggers: [{event: invoice.paid}], reentry: after_exit}
steps: [{id: mail, send: receipt}]
templates:
  - {slug: receipt, name: Receipt, class: transactional, format: html, subject: Your receipt, body: "<p>Paid.</p>"}
"""


def test_a_transactional_mail_of_unknown_fate_is_sent_again_after_the_grace(
    world: World, smtp_server: SmtpServer
) -> None:
    import_sequence(RECEIPT, now=NOON, publish=True)
    ada = world.submit("newsletter", **ADA)
    world.run()
    world.tell(ada, "invoice.paid")
    smtp_server.script(ada.email, reset="accepted", times=1)
    world.run()
    (mail,) = Message.objects.filter(sequence__slug="receipt")
    assert mail.state == "unknown"
    world.at(minutes=9)
    assert states([mail]) == ["unknown"]
    world.at(minutes=11)
    assert states([mail]) == ["sent"]
    copies = [mail.message["Message-ID"] for mail in smtp_server.mails if mail.subject == "Your receipt"]
    assert len(copies) == 2
    assert len(set(copies)) == 1


# --- what happens to the worker


def test_a_worker_that_dies_before_handing_over_leaves_the_mail_to_others(
    world: World, smtp_server: SmtpServer
) -> None:
    mails = letters(people("ann", "bob", "cleo"))
    with pytest.raises(WorkerDied):
        outbox.send(Between(1, die), now=NOON)
    assert states(mails) == ["sent", "sending", "sending"]
    assert settling.expire(now=NOON) == 0, "the lease still runs"
    run_out(mails)
    world.run()
    assert states(mails) == ["sent", "unknown", "sent"], "the second was just being handed over"
    assert smtp_server.recipients == ["ann@example.com", "cleo@example.com"]
    assert Message.objects.get(pk=mails[1].pk).reason.startswith("lease:")


def test_a_worker_whose_lease_ran_out_sends_nothing_more_and_settles_nothing(
    world: World, smtp_server: SmtpServer
) -> None:
    mails = letters(people("ann", "bob", "cleo"))

    def another_takes_over() -> None:
        run_out(mails)
        assert settling.expire(now=NOON) == 2
        outbox.drain(open_transport(), now=NOON)

    slow = Between(1, another_takes_over)
    outbox.send(slow, now=NOON)
    assert states(mails) == ["sent", "unknown", "sent"]
    assert sorted(smtp_server.recipients) == ["ann@example.com", "bob@example.com", "cleo@example.com"]


def test_a_mail_that_always_kills_its_worker_stops_after_five_times(world: World, smtp_server: SmtpServer) -> None:
    mails = letters(people("ann"))
    for _ in range(7):
        Message.objects.filter(state="ready").update(due_at=NOON)
        try:
            outbox.send(Between(0, die), now=NOON)
        except WorkerDied:
            Message.objects.update(handed_at=None)
            run_out(mails)
            settling.expire(now=NOON)
    assert states(mails) == ["failed"]
    assert smtp_server.mails == []


# --- stops that reach what is in flight


def test_an_opt_out_drops_what_is_claimed_and_not_yet_handed_over(world: World, smtp_server: SmtpServer) -> None:
    ann, bob, cleo = people("ann", "bob", "cleo")
    mails = letters([ann, bob, cleo])

    def cleo_unsubscribes() -> None:
        suppressing.suppress(cleo.address_hash, scope="marketing", reason="unsubscribed", source="test", now=NOON)

    outbox.send(Between(1, cleo_unsubscribes), now=NOON)
    assert states(mails) == ["sent", "sent", "canceled"]
    assert Message.objects.get(pk=mails[2].pk).reason == "suppression: unsubscribed"
    assert smtp_server.recipients == ["ann@example.com", "bob@example.com"]


def test_a_stop_outlasts_the_servers_word_to_come_back_later(world: World, smtp_server: SmtpServer) -> None:
    ada = world.submit("contact", **ADA)
    smtp_server.script(ada.email, rcpt="451 4.7.1 later", times=1)
    engine_due(world)
    run = run_of(ada, "demo-nurture")
    outbox.send(Between(0, lambda: exits.end([exits.Exit(run.pk, "goal: meeting.booked")], now=NOON)), now=NOON)
    assert messages(ada) == [("mail-1", "canceled", "goal: meeting.booked")]


def engine_due(world: World) -> None:
    """Decide, and send nothing yet."""
    runner.drain(now=world.now)


@pytest.mark.parametrize("worker", ["dies", "gives back", "is told to come back"])
def test_a_sequence_goes_on_when_a_topics_opt_out_met_its_mail_in_flight(
    world: World, smtp_server: SmtpServer, worker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = world.submit("contact", **ADA)
    (other,) = letters(people("ann"))
    Message.objects.filter(pk=other.pk).update(priority=90)
    engine_due(world)
    tips = Topic.objects.get(slug="product-tips")

    def no_more_tips() -> None:
        suppressing.suppress(ada.address_hash, scope="topic", reason="no tips", source="test", now=NOON, topic=tips)
        if worker == "dies":
            die()
        if worker == "gives back":
            monkeypatch.setattr(outbox, "LONGEST_CARRY", -1.0)

    if worker == "is told to come back":
        smtp_server.script(ada.email, rcpt="451 4.7.1 later", times=1)
        outbox.send(Between(1, no_more_tips), now=NOON)
    elif worker == "dies":
        with pytest.raises(WorkerDied):
            outbox.send(Between(0, no_more_tips), now=NOON)
        Message.objects.filter(state="sending").update(lease_until=Now() - MINUTE)
        settling.expire(now=NOON)
    else:
        outbox.send(Between(0, no_more_tips), now=NOON)
    assert messages(ada)[0][:2] == ("mail-1", "canceled")
    assert run_of(ada, "demo-nurture").due_at == NOON, "the run looks on at once"


# --- what waits, and what does not


def test_nobody_is_mailed_on_stale_knowledge(world: World, smtp_server: SmtpServer) -> None:
    ann, bob = people("ann", "bob")
    mails = letters([ann, bob])
    actions.record([NewEvent(ann.pk, "meeting.booked")], now=NOON)
    outbox.drain(open_transport(), now=NOON)
    assert states(mails) == ["ready", "sent"]
    world.run()
    assert states(mails) == ["sent", "sent"]


def test_the_same_key_is_one_mail(world: World, smtp_server: SmtpServer) -> None:
    ann = people("ann")
    assert letters(ann)[0].pk == letters(ann)[0].pk
    world.run()
    letters(ann)
    world.run()
    assert smtp_server.recipients == ["ann@example.com"]


def test_a_mail_that_cannot_be_filled_in_fails_alone(world: World, smtp_server: SmtpServer) -> None:
    broken = RECEIPT.replace("<p>Paid.</p>", "<p>{{ event.amount }}</p>").replace("receipt", "invoice")
    import_sequence(broken, now=NOON, publish=True)
    ann, bob = people("ann", "bob")
    mails = [*letters([ann], "invoice"), *letters([bob])]
    world.run()
    assert states(mails) == ["failed", "sent"]
    assert "amount" in Message.objects.get(pk=mails[0].pk).reason


def test_a_mail_that_comes_too_late_expires(world: World, smtp_server: SmtpServer) -> None:
    mails = letters(people("ann"))
    Message.objects.update(expires_at=NOON + timedelta(hours=1))
    world.at(hours=2)
    assert states(mails) == ["expired"]
    assert Message.objects.get().reason.startswith("late:")
    assert smtp_server.mails == []
