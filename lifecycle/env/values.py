"""What the text of a variable means: each function returns the value, or says in a ValueError what it must be.

The messages never repeat a value that may hold a password.
"""

import json
from base64 import b64decode
from binascii import Error as BinasciiError
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID
from zoneinfo import available_timezones

# Modules of anymail.backends.
PROVIDERS = (
    "amazon_ses",
    "brevo",
    "mailersend",
    "mailgun",
    "mailjet",
    "mailtrap",
    "mandrill",
    "postal",
    "postmark",
    "resend",
    "scaleway",
    "sendgrid",
    "sparkpost",
    "test",
    "unisender_go",
)
BROKERS = ("redis", "rediss", "sentinel", "amqp", "amqps", "pyamqp", "filesystem", "memory")


@dataclass(frozen=True)
class Database:
    """A PostgreSQL server given by DATABASE_URL."""

    name: str
    user: str
    password: str
    host: str
    port: str
    options: dict[str, str]


@dataclass(frozen=True)
class Mail:
    """How mail leaves: `transport` is mailbox (kept here, shown to staff), smtp or provider."""

    transport: str = "mailbox"
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    tls: str = ""  # "", "starttls" or "implicit"
    provider: str = ""
    provider_settings: dict[str, Any] = field(default_factory=dict)


def webhook_secret(text: str) -> str:
    """A secret of the Standard Webhooks specification."""
    try:
        key = b64decode(text.removeprefix("whsec_"), validate=True)
    except BinasciiError as problem:
        raise ValueError("must be whsec_ and base64") from problem
    if not text.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise ValueError("must be whsec_ and base64 of 24 to 64 random bytes")
    return text


def plain_or_json(text: str) -> Any:
    if text[:1] in ("{", "[") or text in ("true", "false"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def port_number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise ValueError(f"must be a port between 1 and 65535, not {text!r}")
    return int(text)


def whole_number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"must be a whole number of 0 or more, not {text!r}")
    return int(text)


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"must be a whole number of 1 or more, not {text!r}")
    return int(text)


def rate(text: str) -> tuple[int, int]:
    amount, _, unit = text.partition("/")
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400}.get(unit)
    if seconds is None or not amount.isdecimal() or int(amount) < 1:
        raise ValueError(f"must be requests per s, m, h or d such as 600/m, not {text!r}")
    return int(amount), seconds


def boolean(text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError(f"must be 1 or 0, not {text!r}")


def uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError(f"must be a UUID such as 6f2c…-…, made once for this installation, not {text!r}") from None


def names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def secret_key(text: str) -> str:
    if len(text) < 50 or len(set(text)) < 5:
        raise ValueError("must be at least 50 random characters (leave it out to have one generated in VAR_DIR)")
    return text


def web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"must be an address such as https://crm.example.com, not {text!r}")
    if parts.path.strip("/"):
        raise ValueError(f"must have no path: the application needs a host name of its own, not {text!r}")
    return text.rstrip("/")


def api_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("must be the address of an API such as https://api.zoom.us/v2")
    return text.rstrip("/")


def enrichment_address(text: str) -> str:
    if urlsplit(text).scheme not in ("http", "https") or "{domain}" not in text:
        raise ValueError("must be an address with the domain in it, such as https://facts.example.com/{domain}")
    return text


def web_addresses(text: str) -> list[str]:
    return [web_address(part) for part in names(text)]


def mail_address(text: str) -> str:
    if text.count("@") != 1 or text.startswith("@") or "\n" in text or "." not in text.rpartition("@")[2]:
        raise ValueError(f"must be a mail address, not {text!r}")
    return text


def time_zone(text: str) -> str:
    if text not in available_timezones():
        raise ValueError(f"must be a zone of the IANA database such as Europe/Berlin, not {text!r}")
    return text


def log_level(text: str) -> str:
    if text.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ValueError(f"must be DEBUG, INFO, WARNING or ERROR, not {text!r}")
    return text.upper()


def broker(text: str) -> str:
    if urlsplit(text).scheme not in BROKERS:
        raise ValueError("must be a broker's address such as redis://host:6379/0 or amqp://user:password@host//")
    return text


def mail_provider(text: str) -> str:
    if text.lower() not in PROVIDERS:
        raise ValueError(f"must be one of {', '.join(PROVIDERS)}, not {text!r}")
    return text.lower()


def database(text: str) -> Database:
    parts = urlsplit(text)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError("must start with postgresql:// (PostgreSQL is the only database)")
    options = dict(parse_qsl(parts.query))
    name = unquote(parts.path.strip("/"))
    if not name:
        raise ValueError("must name a database: postgresql://user:password@host:5432/name")
    return Database(
        name=name,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        host=options.pop("host", "") or unquote(parts.hostname or ""),
        port=str(parts.port or ""),
        options=options,
    )


def mail_server(text: str) -> Mail | None:
    parts = urlsplit(text)
    kinds = {"smtp": "", "smtp+tls": "starttls", "smtps": "implicit"}
    if parts.scheme not in kinds or not parts.hostname:
        raise ValueError("must be smtp://user:password@host:port (smtp+tls:// for STARTTLS, smtps:// for TLS)")
    tls = kinds[parts.scheme]
    return Mail(
        transport="smtp",
        host=parts.hostname,
        port=parts.port or (465 if tls == "implicit" else 587 if tls == "starttls" else 25),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=tls,
    )
