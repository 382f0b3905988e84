import socket
import threading
from collections.abc import Iterator

import pytest

from campaigns.sending.delivery import Outcome, open_transport
from campaigns.sending.delivery.contract import Receipt
from campaigns.sending.delivery.smtp import SmtpOptions, SmtpTransport
from tests.campaigns.outgoing import outgoing
from tests.smtp_server import SmtpServer


@pytest.fixture(params=["pipelined", "lock-step"])
def server(request) -> Iterator[SmtpServer]:
    server = SmtpServer(pipelining=request.param == "pipelined")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def transport(server) -> Iterator[SmtpTransport]:
    transport = transport_to(server)
    yield transport
    transport.close()


def transport_to(server: SmtpServer, **options) -> SmtpTransport:
    return SmtpTransport(SmtpOptions(host=server.host, port=server.port, **({"timeout": 5} | options)))


def people(*names: str) -> list:
    return [outgoing(number, f"{name}@example.com") for number, name in enumerate(names, start=1)]


def outcomes(receipts: list[Receipt]) -> list[Outcome]:
    return [receipt.outcome for receipt in receipts]


def test_a_batch_arrives_whole_over_one_connection(server, transport):
    batch = [outgoing(number, f"lead{number}@example.com", text=f".dot {number}\n") for number in range(120)]
    receipts = transport.deliver(batch[:60]) + transport.deliver(batch[60:])
    assert outcomes(receipts) == [Outcome.SENT] * 120
    assert [receipt.message_id for receipt in receipts] == list(range(120))
    assert server.recipients == [mail.to_email for mail in batch]
    assert [mail.text.strip() for mail in server.mails] == [f".dot {number}" for number in range(120)]
    assert server.connections == 1


def test_one_bad_recipient_never_poisons_the_batch(server, transport):
    server.script("bob@example.com", rcpt="550 5.1.1 <bob@example.com> unknown")
    server.script("cleo@example.com", rcpt="451 4.7.1 greylisted")
    server.script("eve@example.com", data="554 5.7.1 spam")
    server.script("fay@example.com", data="452 4.3.1 disk full")
    receipts = transport.deliver(people("ann", "bob", "cleo", "dan", "eve", "fay", "gus"))
    assert outcomes(receipts) == [
        Outcome.SENT,
        Outcome.REJECTED,
        Outcome.RETRY,
        Outcome.SENT,
        Outcome.REJECTED,
        Outcome.RETRY,
        Outcome.SENT,
    ]
    assert receipts[1].detail == "550 5.1.1 <(address)> unknown"
    assert server.recipients == ["ann@example.com", "dan@example.com", "gus@example.com"]
    assert server.connections == 1


def test_a_refused_last_recipient_does_not_hurt_the_next_batch(server, transport):
    server.script("bob@example.com", rcpt="550 no")
    assert outcomes(transport.deliver(people("ann", "bob"))) == [Outcome.SENT, Outcome.REJECTED]
    assert outcomes(transport.deliver(people("cleo"))) == [Outcome.SENT]
    assert server.connections == 1


@pytest.mark.parametrize("moment", ["data", "accepted"])
def test_a_reset_after_the_body_leaves_exactly_that_message_in_doubt(server, transport, moment):
    server.script("bob@example.com", reset=moment)
    receipts = transport.deliver(people("ann", "bob", "cleo", "dan"))
    assert outcomes(receipts) == [Outcome.SENT, Outcome.UNKNOWN, Outcome.SENT, Outcome.SENT]
    assert server.recipients.count("cleo@example.com") == 1
    assert server.connections == 2


def test_a_server_that_accepts_and_then_hangs_leaves_the_message_in_doubt(server):
    transport = transport_to(server, timeout=0.3)
    server.script("bob@example.com", hang=True)
    receipts = transport.deliver(people("ann", "bob", "cleo"))
    transport.close()
    assert outcomes(receipts) == [Outcome.SENT, Outcome.UNKNOWN, Outcome.SENT]
    assert server.recipients == ["ann@example.com", "bob@example.com", "cleo@example.com"]


def test_a_reset_before_the_body_is_tried_again_and_then_put_off(server, transport):
    server.script("bob@example.com", reset="rcpt")
    receipts = transport.deliver(people("ann", "bob", "cleo"))
    assert outcomes(receipts) == [Outcome.SENT, Outcome.RETRY, Outcome.SENT]
    assert receipts[1].costs_attempt
    assert server.recipients == ["ann@example.com", "cleo@example.com"]


def test_a_session_that_went_stale_between_batches_is_replaced_unseen(server, transport):
    assert outcomes(transport.deliver(people("ann"))) == [Outcome.SENT]
    server.drop_connections()
    assert outcomes(transport.deliver(people("bob"))) == [Outcome.SENT]
    assert server.connections == 2


def test_a_server_that_hangs_up_on_everybody_is_not_hammered(server, transport):
    batch = [outgoing(number, f"lead{number}@example.com") for number in range(30)]
    for mail in batch:
        server.script(mail.to_email, reset="accepted")
    receipts = transport.deliver(batch)
    assert outcomes(receipts) == [Outcome.UNKNOWN] * 3 + [Outcome.RETRY] * 27
    assert not any(receipt.costs_attempt for receipt in receipts[3:])
    assert server.connections == 3


def test_a_slow_server_is_waited_for(server, transport):
    server.script("ann@example.com", delay=0.2)
    assert outcomes(transport.deliver(people("ann", "bob"))) == [Outcome.SENT, Outcome.SENT]


def test_421_puts_off_without_cost(server, transport):
    server.script("ann@example.com", data="421 4.3.2 closing")
    [receipt] = transport.deliver(people("ann"))
    assert receipt.outcome is Outcome.RETRY
    assert not receipt.costs_attempt


def test_an_address_that_is_none_is_refused_here(server, transport):
    batch = [outgoing(1, "ann"), outgoing(2, "bob@example.com"), outgoing(3, "cleo@example.com\r\nDATA")]
    assert outcomes(transport.deliver(batch)) == [Outcome.REJECTED, Outcome.SENT, Outcome.REJECTED]


def test_an_address_beyond_ascii_needs_a_server_that_takes_it(server, transport):
    assert outcomes(transport.deliver([outgoing(1, "zoë@example.com")])) == [Outcome.SENT]
    assert server.recipients == ["zoë@example.com"]
    plain = SmtpServer(smtputf8=False)
    plain.start()
    old = transport_to(plain)
    receipts = old.deliver([outgoing(1, "zoë@example.com"), outgoing(2, "ann@bücher.example")])
    old.close()
    plain.stop()
    assert outcomes(receipts) == [Outcome.REJECTED, Outcome.SENT]
    assert "SMTPUTF8" in receipts[0].detail


def test_a_mail_larger_than_the_server_takes_is_refused_before_it_is_sent():
    server = SmtpServer(size_limit=5_000)
    server.start()
    transport = transport_to(server)
    receipts = transport.deliver([outgoing(1, text="x" * 6_000), outgoing(2)])
    transport.close()
    server.stop()
    assert outcomes(receipts) == [Outcome.REJECTED, Outcome.SENT]


def test_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    transport = SmtpTransport(SmtpOptions(host="127.0.0.1", port=port, timeout=2))
    receipts = transport.deliver(people("ann", "bob"))
    assert outcomes(receipts) == [Outcome.RETRY, Outcome.RETRY]
    assert not any(receipt.costs_attempt for receipt in receipts)


def test_a_refused_login_puts_everything_off():
    server = SmtpServer(login=("acme", "secret"))
    server.start()
    wrong = transport_to(server, user="acme", password="wrong")
    right = transport_to(server, user="acme", password="secret")
    refused, sent = wrong.deliver(people("ann")), right.deliver(people("bob"))
    right.close()
    server.stop()
    assert outcomes(refused) == [Outcome.RETRY]
    assert "535" in refused[0].detail
    assert outcomes(sent) == [Outcome.SENT]


def test_encryption_that_is_asked_for_but_not_offered_sends_nothing(server):
    assert outcomes(transport_to(server, tls="starttls").deliver(people("ann"))) == [Outcome.RETRY]
    assert server.mails == []


def test_a_server_may_open_data_for_a_refused_recipient():
    """RFC 2920 allows it; the body must not go out then."""
    seen: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=talk_oddly, args=(listener, seen), daemon=True)
    thread.start()
    transport = SmtpTransport(SmtpOptions(host="127.0.0.1", port=listener.getsockname()[1], timeout=5))
    receipts = transport.deliver(people("ann", "bob"))
    transport.close()
    thread.join(5)
    listener.close()
    assert outcomes(receipts) == [Outcome.REJECTED, Outcome.REJECTED]
    assert b"Hello Ann" not in b"".join(seen)


def talk_oddly(listener: socket.socket, seen: list[bytes]) -> None:
    connection, _ = listener.accept()
    answers = {
        b"EHLO": b"250-odd\r\n250 PIPELINING\r\n",
        b"MAIL": b"250 ok\r\n",
        b"RCPT": b"550 no\r\n",
        b"DATA": b"354 go\r\n",
        b".": b"554 no valid recipients\r\n",
        b"RSET": b"250 ok\r\n",
        b"QUIT": b"221 bye\r\n",
    }
    with connection, connection.makefile("rb") as lines:
        connection.sendall(b"220 odd\r\n")
        for line in lines:
            seen.append(line)
            word = line.strip().partition(b" ")[0].upper()[:4]
            connection.sendall(answers[word])


def test_the_settings_choose_it(settings, smtp_server):
    settings.MAIL = smtp_server.settings
    transport = open_transport()
    assert isinstance(transport, SmtpTransport)
    assert outcomes(transport.deliver(people("ann"))) == [Outcome.SENT]
    transport.close()
    assert smtp_server.wait_for(1)[0].message["Message-ID"] == "<1.welcome@lifecycle.test>"
