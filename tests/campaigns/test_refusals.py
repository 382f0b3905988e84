"""Which refusals block an address: those that say nobody has it."""

import pytest

from campaigns.models import Message, Suppression
from campaigns.sending.delivery.refusals import is_of_nobody
from tests.cast import World, letters
from tests.factories import LeadFactory
from tests.smtp_server import SmtpServer

NOBODY = (
    "550 5.1.1 <(address)> unknown",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    "550-5.1.1 The email account that you tried to reach does not exist. 5.1.1",
    "556 5.1.10 Recipient address has null MX",
    "550 No such user here",
    "550 User unknown",
    "551 Unknown recipient",
    "553 Invalid recipient",
    "550 Mailbox not found",
)
SOMEBODY = (
    "550 5.7.1 Message rejected as spam by Content Filtering",
    "550 5.7.26 Unauthenticated mail from example.com is not accepted due to domain's DMARC policy",
    "552 5.2.2 Mailbox full",
    "552 5.3.4 Message size exceeds fixed limit",
    "554 5.7.1 Service unavailable; Client host blocked; unknown user agent",
    "550 no",
    "550 Sender verify failed",
    "550 Sender verify failed: unknown user",
    "553 Sender address does not exist",
    "550 MAIL FROM: no such user",
    "530 authentication required for unknown user",
    "not sent: not a usable e-mail address",
    "",
)


@pytest.mark.parametrize("detail", NOBODY)
def test_nobody_has_this_address(detail: str) -> None:
    assert is_of_nobody(detail)


@pytest.mark.parametrize("detail", SOMEBODY)
def test_the_refusal_says_nothing_about_the_address(detail: str) -> None:
    assert not is_of_nobody(detail)


@pytest.mark.usefixtures("playbooks")
@pytest.mark.django_db
def test_a_server_that_knows_nobody_of_that_name_blocks_the_address(world: World, smtp_server: SmtpServer) -> None:
    bob, ann, eve = (LeadFactory(email=f"{name}@example.com") for name in ("bob", "ann", "eve"))
    letters([bob, ann, eve])
    smtp_server.script("bob@example.com", rcpt="550 5.1.1 no such user")
    smtp_server.script("eve@example.com", rcpt="550 5.7.1 looks like spam")
    world.run()
    states = dict(Message.objects.values_list("lead__email", "state"))
    assert states == {"bob@example.com": "failed", "ann@example.com": "sent", "eve@example.com": "failed"}
    block = Suppression.objects.get()
    assert (block.address_hash, block.scope, block.reason) == (bob.address_hash, "everything", "hard bounce")
    assert block.source == "mail server"
