import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from anymail.exceptions import AnymailAPIError
from anymail.message import AnymailRecipientStatus
from anymail.signals import pre_send
from django.core import mail
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses import ses_backends

from campaigns.sending.delivery import Outcome, Receipt, open_transport
from campaigns.sending.delivery.esp import AnymailTransport
from tests.campaigns.outgoing import outgoing

TEST_BACKEND = "anymail.backends.test.EmailBackend"
BREVO = "anymail.backends.brevo.EmailBackend"
SES = "anymail.backends.amazon_ses.EmailBackend"


@pytest.fixture
def transport() -> Iterator[AnymailTransport]:
    transport = AnymailTransport(TEST_BACKEND, threads=2)
    yield transport
    transport.close()


class TestWithAnymailsTestBackend:
    def test_a_mail_carries_our_key_and_its_headers(self, transport):
        [receipt] = transport.deliver([outgoing(7, tags=["demo-nurture"], metadata={"sequence": "demo-nurture"})])
        assert receipt == Receipt(7, Outcome.SENT, "sent", provider_id="0")
        [sent] = mail.outbox
        assert sent.anymail_test_params["metadata"] == {
            "sequence": "demo-nurture",
            "message_key": "enrollment:7:welcome",
        }
        assert sent.anymail_test_params["tags"] == ["demo-nurture"]
        assert dict(sent.anymail_test_params["extra_headers"]) == {
            "Message-ID": "<7.welcome@lifecycle.test>",
            "List-Unsubscribe": "<https://acme.test/u/token>, <mailto:unsubscribe+token@acme.test>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
        assert sent.anymail_test_params["text_body"] == "Hello Ann\n"
        assert sent.anymail_test_params["html_body"] == "<p>Hello Ann</p>\n"

    @pytest.mark.parametrize(
        ("status", "outcome"),
        [
            ("queued", Outcome.SENT),
            ("invalid", Outcome.REJECTED),
            ("rejected", Outcome.REJECTED),
            ("failed", Outcome.RETRY),
            ("unknown", Outcome.UNKNOWN),
        ],
    )
    def test_what_the_provider_says_of_the_recipient(self, transport, status, outcome):
        said = AnymailRecipientStatus("id-1", status)

        def answer(sender, message, **kwargs):
            message.anymail_test_response = {"recipient_status": {"ann@example.com": said}}

        pre_send.connect(answer)
        try:
            [receipt] = transport.deliver([outgoing()])
        finally:
            pre_send.disconnect(answer)
        assert receipt.outcome is outcome

    def test_one_bad_address_never_poisons_the_batch(self, transport):
        batch = [outgoing(1, "ann@example.com\r\nBcc: x@y.test"), outgoing(2), outgoing(3, "nobody"), outgoing(4)]
        receipts = transport.deliver(batch)
        assert [receipt.message_id for receipt in receipts] == [1, 2, 3, 4]
        assert [receipt.outcome for receipt in receipts] == [
            Outcome.REJECTED,
            Outcome.SENT,
            Outcome.REJECTED,
            Outcome.SENT,
        ]

    def test_an_error_nobody_foresaw_is_doubt(self, transport):
        def explode(sender, message, **kwargs):
            message.anymail_test_response = AnymailAPIError("ann@example.com is odd")

        pre_send.connect(explode)
        try:
            [receipt] = transport.deliver([outgoing()])
        finally:
            pre_send.disconnect(explode)
        assert receipt.outcome is Outcome.UNKNOWN
        assert receipt.detail == "(address) is odd"

    def test_the_settings_choose_it(self, settings):
        settings.MAIL = {"transport": "provider", "threads": 1}
        settings.EMAIL_BACKEND = TEST_BACKEND
        transport = open_transport()
        assert transport.deliver([outgoing()])[0].outcome is Outcome.SENT
        transport.close()


class Provider:
    """A provider's API on loopback that answers what the test says."""

    def __init__(self) -> None:
        self.answer: tuple[int, dict[str, str], str] = (201, {}, '{"messageId": "<brevo-1>"}')
        self.behaviour = ""
        self.bodies: list[dict] = []
        self.release = threading.Event()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                provider.bodies.append(json.loads(body))
                if provider.behaviour == "hang":
                    provider.release.wait(10)
                if provider.behaviour:
                    self.connection.close()
                    return
                status, headers, text = provider.answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v3/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def provider(settings) -> Iterator[Provider]:
    provider = Provider()
    settings.ANYMAIL = {"BREVO_API_KEY": "key", "BREVO_API_URL": provider.url}
    yield provider
    provider.release.set()
    provider.server.shutdown()
    provider.server.server_close()


@pytest.fixture
def brevo(provider) -> Iterator[AnymailTransport]:
    transport = AnymailTransport(BREVO, threads=4, timeout=0.5)
    yield transport
    transport.close()


class TestWhatErrorsMean:
    def test_accepted(self, provider, brevo):
        receipts = brevo.deliver([outgoing(number) for number in range(20)])
        assert [receipt.outcome for receipt in receipts] == [Outcome.SENT] * 20
        assert receipts[0].provider_id == "<brevo-1>"
        assert len(provider.bodies) == 20

    @pytest.mark.parametrize(
        ("status", "headers", "outcome", "retry_after", "costs_attempt"),
        [
            (400, {}, Outcome.REJECTED, None, True),
            (401, {}, Outcome.RETRY, None, False),
            (422, {}, Outcome.REJECTED, None, True),
            (429, {"Retry-After": "17"}, Outcome.RETRY, 17.0, False),
            (429, {}, Outcome.RETRY, 60.0, False),
            (500, {}, Outcome.RETRY, None, True),
            (502, {}, Outcome.UNKNOWN, None, True),
            (503, {"Retry-After": "5"}, Outcome.RETRY, 5.0, False),
            (503, {"Retry-After": "soon"}, Outcome.RETRY, None, True),
            (504, {}, Outcome.UNKNOWN, None, True),
        ],
    )
    def test_answers(self, provider, brevo, status, headers, outcome, retry_after, costs_attempt):
        provider.answer = (status, headers, '{"code": "x", "message": "no ann@example.com"}')
        [receipt] = brevo.deliver([outgoing()])
        assert (receipt.outcome, receipt.retry_after, receipt.costs_attempt) == (outcome, retry_after, costs_attempt)
        assert "ann@example.com" not in receipt.detail

    def test_retry_after_as_a_moment_counts_from_the_providers_clock(self, provider, brevo):
        provider.answer = (429, {"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}, "{}")
        [receipt] = brevo.deliver([outgoing()])
        assert receipt.retry_after is not None
        assert receipt.retry_after > 1_000_000

    def test_a_success_that_cannot_be_read_is_doubt(self, provider, brevo):
        provider.answer = (201, {}, "<html>proxy</html>")
        assert brevo.deliver([outgoing()])[0].outcome is Outcome.UNKNOWN

    @pytest.mark.parametrize("behaviour", ["hang", "reset"])
    def test_a_request_without_an_answer_is_doubt(self, provider, brevo, behaviour):
        provider.behaviour = behaviour
        assert brevo.deliver([outgoing()])[0].outcome is Outcome.UNKNOWN

    def test_nobody_listens(self, settings):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            settings.ANYMAIL = {
                "BREVO_API_KEY": "key",
                "BREVO_API_URL": f"http://127.0.0.1:{free.getsockname()[1]}/v3/",
            }
        transport = AnymailTransport(BREVO, timeout=1)
        [receipt] = transport.deliver([outgoing()])
        transport.close()
        assert receipt.outcome is Outcome.RETRY
        assert not receipt.costs_attempt


class TestAmazonSES:
    @pytest.fixture
    def ses(self, settings, monkeypatch) -> Iterator[AnymailTransport]:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        settings.ANYMAIL = {"AMAZON_SES_CLIENT_PARAMS": {"region_name": "eu-west-1"}}
        with mock_aws():
            boto3.client("sesv2", region_name="eu-west-1").create_email_identity(EmailIdentity="hello@acme.test")
            transport = AnymailTransport(SES, threads=2)
            yield transport
            transport.close()

    def test_it_takes_our_mail(self, ses):
        receipts = ses.deliver([outgoing(1), outgoing(2, "zoe@bücher.example", subject="Grüße")])
        assert [receipt.outcome for receipt in receipts] == [Outcome.SENT, Outcome.SENT]
        sent = {message.id: message for message in ses_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"].sent_messages}
        assert set(sent) == {receipt.provider_id for receipt in receipts}
        raw = sent[receipts[0].provider_id].raw_data
        assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in raw
        assert "Message-ID: <1.welcome@lifecycle.test>" in raw
        assert '"message_key": "enrollment:1:welcome"' in raw

    def test_a_sender_it_does_not_know_is_refused(self, ses):
        [receipt] = ses.deliver([outgoing(from_email="stranger@elsewhere.test")])
        assert receipt.outcome is Outcome.REJECTED
        assert "MessageRejected" in receipt.detail

    def test_botocore_does_not_repeat_a_request_by_itself(self, ses):
        ses.deliver([outgoing()])
        [backend] = ses._open
        assert backend.client.meta.config.retries["total_max_attempts"] == 1
