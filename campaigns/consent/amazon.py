"""Whether Amazon signed what SNS tells: its signature, made with the key of a certificate on Amazon's own hosts.

The user and password in the webhook's address tell that a call is meant for us. The signature tells that it is
Amazon's and unchanged, and the topic that it is about our mail.
"""

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import Certificate, load_pem_x509_certificate

from lifecycle.core import http

HOST = re.compile(r"sns\.[a-z]{2}(-[a-z]+)+-\d\.amazonaws\.com(\.cn)?")
PLACE = re.compile(r"/[A-Za-z0-9_-]{1,200}\.pem")
# What is signed, in this order, by the message's type; a subject only if there is one.
NOTIFIED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
ASKED = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
SIGNED = {"Notification": NOTIFIED, "SubscriptionConfirmation": ASKED, "UnsubscribeConfirmation": ASKED}
HASHES: Mapping[str, type[hashes.SHA1 | hashes.SHA256]] = {"1": hashes.SHA1, "2": hashes.SHA256}


class NotAmazon(Exception):
    """The message is not signed by Amazon, or not about our topic; the message says why."""


class Unsure(Exception):
    """The certificate cannot be had just now: the same call may be fine later."""


def check(message: Mapping[str, Any], *, now: datetime, topics: Sequence[str] = (), certificates: str = "") -> None:
    """Raises NotAmazon unless Amazon signed it, for one of the topics if some are given; Unsure if that is not known.

    `certificates`: for development, a server that stands for Amazon's.
    """
    if topics and message.get("TopicArn") not in topics:
        raise NotAmazon("It is of another topic than AMAZON_SES_TOPIC_ARN.")
    signed, digest = canonical(message), HASHES.get(str(message.get("SignatureVersion")))
    if digest is None:
        raise NotAmazon("It has no SignatureVersion that is known.")
    certificate = _certificate(place_of(message.get("SigningCertURL")), certificates)
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise NotAmazon("Its certificate is of another kind than Amazon's.")
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise NotAmazon("Its certificate is not valid at this time.")
    try:
        key.verify(b64decode(str(message.get("Signature"))), signed, padding.PKCS1v15(), digest())
    except (InvalidSignature, ValueError):
        raise NotAmazon("The signature is not that of this message.") from None


def canonical(message: Mapping[str, Any]) -> bytes:
    """The bytes that SNS signs: names and values on lines of their own, in the order that Amazon documents."""
    names = SIGNED.get(str(message.get("Type")))
    if names is None:
        raise NotAmazon("It is of no type that is signed.")
    values = {name: message.get(name) for name in names if name != "Subject" or message.get(name) is not None}
    if not all(isinstance(value, str) for value in values.values()):
        raise NotAmazon("Something that is signed is missing.")
    return "".join(f"{name}\n{value}\n" for name, value in values.items()).encode("utf-8", "replace")


def place_of(url: object) -> str:
    """The address of a certificate, if it is on one of Amazon's own hosts; NotAmazon for any other."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
    except ValueError:
        parts = urlsplit("")
    is_theirs = parts.scheme == "https" and HOST.fullmatch(parts.netloc) and PLACE.fullmatch(parts.path)
    if not is_theirs or parts.query or parts.fragment:
        raise NotAmazon("Its certificate is not on one of Amazon's hosts.")
    return f"https://{parts.netloc}{parts.path}"


@lru_cache(maxsize=16)
def _certificate(url: str, instead: str) -> Certificate:
    """Once a process: a new certificate of Amazon's has a new address."""
    address = instead + urlsplit(url).path if instead else url
    try:
        answer = http.get(address, {}, allow_private=bool(instead))
    except (http.Unreachable, http.Refused) as problem:
        raise Unsure(str(problem)) from problem
    if answer.status != 200:
        raise Unsure(f"Amazon answered {answer.status}")
    try:
        return load_pem_x509_certificate(answer.body)
    except ValueError:
        raise NotAmazon("What its certificate's address holds is no certificate.") from None
