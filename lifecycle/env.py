"""The one reader of the environment: typed values, and every mistake named at once.

Nothing else in the project looks at os.environ. The table of what may be set is in the README.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import available_timezones

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

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

# Every variable that means something to us, but for the settings of mail providers.
NAMES = frozenset(
    """ADMIN_EMAIL ADMIN_PASSWORD ALLOWED_HOSTS API_LIMIT CALENDLY_WEBHOOK_SECRET CELERY_BROKER_URL DATABASE_PGBOUNCER
    DATABASE_URL DEBUG DEFAULT_FROM_EMAIL EMAIL_PROVIDER EMAIL_URL FORM_LIMIT FORM_LIMIT_PER_ADDRESS FORM_LIMIT_PER_IP
    FORM_ORIGINS HOST LOG_LEVEL PORT SALES_EMAIL SANDBOX SECRET_KEY
    SECRET_KEY_FALLBACKS SITE_URL STRIPE_API_KEY STRIPE_WEBHOOK_SECRET TIME_ZONE TRUSTED_PROXIES VAR_DIR WEB_THREADS
    WORKER_PROCESSES ZOOM_WEBHOOK_SECRET""".split()
)


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


@dataclass(frozen=True)
class Environment:
    """Everything the outside can set, checked."""

    port: int
    host: str
    var_dir: Path
    database: Database | None
    pgbouncer: bool
    broker_url: str
    secret_key: str
    secret_key_fallbacks: list[str]
    site_url: str
    allowed_hosts: list[str]
    mail: Mail
    default_from_email: str
    admin_email: str
    admin_password: str
    sales_email: str
    calendly_secrets: list[str]
    stripe_secrets: list[str]
    zoom_secrets: list[str]
    stripe_api_key: str
    time_zone: str
    sandbox: bool
    debug: bool
    trusted_proxies: int
    web_threads: int
    worker_processes: int
    log_level: str
    form_origins: list[str]
    limits: dict[str, tuple[int, int]]  # name → so many requests in so many seconds


def read(environ: Mapping[str, str], *, base_dir: Path) -> Environment:
    """The checked environment; ImproperlyConfigured lists every variable that is wrong and what it should be."""
    reader = Reader(environ)
    port = reader.get("PORT", port_number, 8000)
    site_url = reader.get("SITE_URL", web_address, f"http://127.0.0.1:{port}")
    environment = Environment(
        port=port,
        host=reader.get("HOST", str, "127.0.0.1"),
        var_dir=base_dir / reader.get("VAR_DIR", Path, Path("var")).expanduser(),
        database=reader.get("DATABASE_URL", database, None),
        pgbouncer=reader.get("DATABASE_PGBOUNCER", boolean, False),
        broker_url=reader.get("CELERY_BROKER_URL", broker, ""),
        secret_key=reader.get("SECRET_KEY", secret_key, ""),
        secret_key_fallbacks=reader.get("SECRET_KEY_FALLBACKS", names, []),
        site_url=site_url,
        allowed_hosts=reader.get("ALLOWED_HOSTS", names, [urlsplit(site_url).hostname or "", "127.0.0.1", "localhost"]),
        mail=read_mail(reader),
        default_from_email=reader.get("DEFAULT_FROM_EMAIL", mail_address, "Lifecycle <hello@lifecycle.example>"),
        admin_email=reader.get("ADMIN_EMAIL", mail_address, "admin@lifecycle.example"),
        admin_password=reader.get("ADMIN_PASSWORD", str, ""),
        sales_email=reader.get("SALES_EMAIL", mail_address, ""),
        calendly_secrets=reader.get("CALENDLY_WEBHOOK_SECRET", names, []),
        stripe_secrets=reader.get("STRIPE_WEBHOOK_SECRET", names, []),
        zoom_secrets=reader.get("ZOOM_WEBHOOK_SECRET", names, []),
        stripe_api_key=reader.get("STRIPE_API_KEY", str, ""),
        time_zone=reader.get("TIME_ZONE", time_zone, "UTC"),
        sandbox=reader.get("SANDBOX", boolean, False),
        debug=reader.get("DEBUG", boolean, False),
        trusted_proxies=reader.get("TRUSTED_PROXIES", whole_number, 0),
        web_threads=reader.get("WEB_THREADS", positive, 4),
        worker_processes=reader.get("WORKER_PROCESSES", positive, 2),
        log_level=reader.get("LOG_LEVEL", log_level, "INFO"),
        form_origins=reader.get("FORM_ORIGINS", web_addresses, []),
        limits=read_limits(reader),
    )
    reader.finish()
    return environment


class Reader:
    """Reads variables by name, collects the mistakes and raises them together."""

    def __init__(self, environ: Mapping[str, str]):
        self.environ = environ
        self.problems: list[str] = []

    def get(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """The parsed value; an empty variable counts as not set."""
        assert name in NAMES, name
        text = self.environ.get(name, "").strip()
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as problem:
            self.problems.append(f"{name}: {problem}")
            return default

    def finish(self) -> None:
        if self.problems:
            raise ImproperlyConfigured("The environment is not usable.\n  " + "\n  ".join(self.problems))


def read_limits(reader: Reader) -> dict[str, tuple[int, int]]:
    """How often the public may post: far above what people do, far below what hurts."""
    return {
        "form": reader.get("FORM_LIMIT", rate, (120_000, 60)),
        "form address": reader.get("FORM_LIMIT_PER_ADDRESS", rate, (100, 3600)),
        "form ip": reader.get("FORM_LIMIT_PER_IP", rate, (1_200, 60)),
        "key": reader.get("API_LIMIT", rate, (60_000, 60)),
    }


def read_mail(reader: Reader) -> Mail:
    smtp = reader.get("EMAIL_URL", mail_server, None)
    provider = reader.get("EMAIL_PROVIDER", mail_provider, "")
    if smtp and provider:
        reader.problems.append("EMAIL_PROVIDER: EMAIL_URL is set as well; keep one of the two")
    if provider:
        settings = provider_settings(reader.environ, provider)
        return Mail(transport="provider", provider=provider, provider_settings=settings)
    return smtp or Mail()


def provider_settings(environ: Mapping[str, str], provider: str) -> dict[str, Any]:
    """Anymail's settings for a provider, from ANYMAIL_<NAME> or <PROVIDER>_<NAME>, JSON allowed for structured ones."""
    found: dict[str, Any] = {}
    for name, text in environ.items():
        if name.startswith("ANYMAIL_"):
            found[name.removeprefix("ANYMAIL_")] = plain_or_json(text)
        elif name.startswith(f"{provider.upper()}_"):
            found[name] = plain_or_json(text)
    return found


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
        host=options.pop("host", None) or unquote(parts.hostname or ""),
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
