"""One spelling for each mail address, and the keyed hash under which suppressions know it."""

import hmac
from dataclasses import dataclass

import idna
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.db.models import Q, Subquery

from leads.models import AddressAlias, Lead, Workspace

LONGEST = 254
_validate = EmailValidator()


class AddressError(ValueError):
    """Not a mail address; the message is for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Address:
    written: str
    normal: str
    domain: str


def read(value: object) -> Address:
    """The address a person typed. Capitals make no difference, a plus part does; the domain is in its ASCII form."""
    if not isinstance(value, str):
        raise AddressError("Write an e-mail address.")
    written = value.strip().strip("\u200b\ufeff")
    if not written:
        raise AddressError("An e-mail address is needed.")
    if len(written) > LONGEST:
        raise AddressError(f"An e-mail address has at most {LONGEST} characters.")
    local, at, domain = written.rpartition("@")
    if not at or not local or not domain:
        raise AddressError("Write a whole e-mail address, like ada@example.com.")
    normal = f"{local.lower()}@{_ascii(domain)}"
    try:
        if domain.startswith("["):  # ada@[192.0.2.1]: it names a machine, no company, and few servers take mail for it
            raise ValidationError("")
        _validate(normal)
    except ValidationError:
        raise AddressError("This is not a valid e-mail address; write one like ada@example.com.") from None
    if len(normal) > LONGEST:
        raise AddressError(f"An e-mail address has at most {LONGEST} characters.")
    return Address(written, normal, normal.rpartition("@")[2])


def address_hash(email_normal: str, key: str) -> str:
    """HMAC-SHA256 of a normalised address, as 32 hexadecimal digits."""
    return hmac.digest(key.encode(), email_normal.encode(), "sha256").hex()[:32]


def address_key() -> str:
    """The key of this installation's address hashes: one query, so ask once for many addresses."""
    key = Workspace.objects.filter(pk=1).values_list("address_key", flat=True).first()
    return key or Workspace.load().address_key


def hash_of(written: object, key: str = "") -> str:
    """The hash of an address as somebody wrote it, or "" if it is none: one query without the `key`."""
    try:
        return address_hash(read(written).normal, key or address_key())
    except AddressError:
        return ""


def hashes_of(lead: Lead) -> list[str]:
    """The hashes of all addresses that lead to somebody: their own, and those of leads that were merged into them."""
    return [lead.address_hash, *AddressAlias.objects.filter(lead=lead).values_list("address_hash", flat=True)]


def _ascii(domain: str) -> str:
    lower = domain.lower().rstrip(".")
    if lower.isascii():
        return lower
    try:
        return idna.encode(lower, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise AddressError("The part after the @ is not a valid domain.") from None


def find(written: object) -> Lead | None:
    """The lead of an address as somebody wrote it, also of one it had before a merge. AddressError if it is none."""
    return Lead.objects.filter(reached_at(read(written).normal)).order_by().first()


def reached_at(email_normal: str) -> Q:
    """Holds for the lead of this normalised address, or the one it leads to since two were merged."""
    merged = AddressAlias.objects.filter(email_normal=email_normal).values("lead")[:1]
    return Q(email_normal=email_normal) | Q(pk=Subquery(merged))
