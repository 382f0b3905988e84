"""An Amazon of our own: signs as SNS does, gives its certificate over HTTP, and takes confirmations."""

import base64
import threading
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"
HOST = "https://sns.eu-west-1.amazonaws.com"
PLACE = "/SimpleNotificationService-1.pem"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SUBSCRIBED = b"""<ConfirmSubscriptionResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ConfirmSubscriptionResult>
<SubscriptionArn>arn:aws:sns:eu-west-1:123456789012:mail:1</SubscriptionArn></ConfirmSubscriptionResult>
</ConfirmSubscriptionResponse>"""
ASKED = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
TOLD = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")


def certificate(key: Any = KEY, *, until: datetime = datetime(2040, 1, 1, tzinfo=UTC)) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(until)
    return made.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def signed(message: dict[str, Any], version: str = "2", *, place: str = PLACE, **more: Any) -> dict[str, Any]:
    """A message of SNS with its signature; `more` replaces what was signed."""
    whole = {"TopicArn": TOPIC, **message}
    names = TOLD if whole["Type"] == "Notification" else ASKED
    text = "".join(f"{name}\n{whole[name]}\n" for name in names if name in whole).encode()
    digest = hashes.SHA1() if version == "1" else hashes.SHA256()
    signature = base64.b64encode(KEY.sign(text, padding.PKCS1v15(), digest)).decode()
    return {**whole, "SignatureVersion": version, "Signature": signature, "SigningCertURL": HOST + place, **more}


class AmazonServer:
    """`asked`: the paths of certificates it was asked for; `confirmed`: the tokens of subscriptions."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.confirmed: list[str] = []
        self.holds = {PLACE: certificate()}
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                self._say(200 if self.path in server.holds else 404, server.holds.get(self.path, b""))

            def do_POST(self) -> None:
                sent = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                server.confirmed += sent["Token"]
                self._say(200, SUBSCRIBED)

            def _say(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()


@cache
def server() -> AmazonServer:
    """One for the whole run."""
    return AmazonServer()
