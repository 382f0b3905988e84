"""The one reader of the environment: typed values, and every mistake named at once.

Nothing else in the project looks at os.environ. The table of what may be set is in the README.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured

from lifecycle.env import values
from lifecycle.env.values import PROVIDERS, Database, Mail

__all__ = ["NAMES", "PROVIDERS", "Database", "Environment", "Mail", "read"]

T = TypeVar("T")

# Every variable that means something to us, but for the settings of mail providers.
NAMES = frozenset(
    """ADMIN_EMAIL ADMIN_PASSWORD ALLOWED_HOSTS ALLOW_PRIVATE_WEBHOOKS API_LIMIT CALENDLY_WEBHOOK_SECRET
    CELERY_BROKER_URL DATABASE_PGBOUNCER DATABASE_URL DEBUG DEFAULT_FROM_EMAIL DEMO EMAIL_PROVIDER EMAIL_URL
    ENRICHMENT_PROVIDERS ENRICHMENT_TOKEN ENRICHMENT_URL
    FORM_LIMIT FORM_LIMIT_PER_ADDRESS FORM_LIMIT_PER_IP FORM_ORIGINS HOST INSTANCE_ID LOG_LEVEL PORT SALES_EMAIL
    SANDBOX SECRET_KEY SECRET_KEY_FALLBACKS SITE_URL STRIPE_API_KEY STRIPE_API_URL STRIPE_WEBHOOK_SECRET TIME_ZONE
    TRACK_LIMIT TRACK_LIMIT_PER_IP TRUSTED_PROXIES VAR_DIR WEBHOOK_SECRET WEB_THREADS WORKER_PROCESSES
    ZOOM_ACCOUNT_ID ZOOM_API_URL ZOOM_CLIENT_ID ZOOM_CLIENT_SECRET ZOOM_WEBHOOK_SECRET""".split()
)

# A file of this name in VAR_DIR says that its database is a demo, however the product is started on it.
DEMO_MARK = "this-is-a-demo"
# What a demo must have no part in: other databases, brokers and people's inboxes.
OUTSIDE = frozenset(
    """CELERY_BROKER_URL DATABASE_URL EMAIL_PROVIDER EMAIL_URL ENRICHMENT_PROVIDERS ENRICHMENT_URL STRIPE_API_KEY
    ZOOM_ACCOUNT_ID ZOOM_API_URL ZOOM_CLIENT_ID ZOOM_CLIENT_SECRET""".split()
)


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
    stripe_api_url: str
    zoom_account_id: str
    zoom_client_id: str
    zoom_client_secret: str
    zoom_api_url: str
    webhook_secret: str
    allow_private_webhooks: bool
    enrichment_providers: list[str]
    enrichment_url: str
    enrichment_token: str
    time_zone: str
    instance_id: UUID | None
    sandbox: bool
    demo: bool
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
    var_dir = base_dir / reader.get("VAR_DIR", Path, Path("var")).expanduser()
    demo = reader.get("DEMO", values.boolean, False)
    if demo:
        var_dir /= "demo"
    if demo or (var_dir / DEMO_MARK).exists():
        demo, reader.environ = True, kept_here(environ)
    port = reader.get("PORT", values.port_number, 8000)
    site_url = reader.get("SITE_URL", values.web_address, f"http://127.0.0.1:{port}")
    environment = Environment(
        port=port,
        host=reader.get("HOST", str, "127.0.0.1"),
        var_dir=var_dir,
        database=reader.get("DATABASE_URL", values.database, None),
        pgbouncer=reader.get("DATABASE_PGBOUNCER", values.boolean, False),
        broker_url=reader.get("CELERY_BROKER_URL", values.broker, ""),
        secret_key=reader.get("SECRET_KEY", values.secret_key, ""),
        secret_key_fallbacks=reader.get("SECRET_KEY_FALLBACKS", values.names, []),
        site_url=site_url,
        allowed_hosts=reader.get(
            "ALLOWED_HOSTS", values.names, [urlsplit(site_url).hostname or "", "127.0.0.1", "localhost"]
        ),
        mail=read_mail(reader),
        default_from_email=reader.get("DEFAULT_FROM_EMAIL", values.mail_address, "Lifecycle <hello@lifecycle.example>"),
        admin_email=reader.get("ADMIN_EMAIL", values.mail_address, "admin@lifecycle.example"),
        admin_password=reader.get("ADMIN_PASSWORD", str, ""),
        sales_email=reader.get("SALES_EMAIL", values.mail_address, ""),
        calendly_secrets=reader.get("CALENDLY_WEBHOOK_SECRET", values.names, []),
        stripe_secrets=reader.get("STRIPE_WEBHOOK_SECRET", values.names, []),
        zoom_secrets=reader.get("ZOOM_WEBHOOK_SECRET", values.names, []),
        stripe_api_key=reader.get("STRIPE_API_KEY", str, ""),
        stripe_api_url=reader.get("STRIPE_API_URL", values.web_address, ""),
        zoom_account_id=reader.get("ZOOM_ACCOUNT_ID", str, ""),
        zoom_client_id=reader.get("ZOOM_CLIENT_ID", str, ""),
        zoom_client_secret=reader.get("ZOOM_CLIENT_SECRET", str, ""),
        zoom_api_url=reader.get("ZOOM_API_URL", values.api_address, "https://api.zoom.us/v2"),
        webhook_secret=reader.get("WEBHOOK_SECRET", values.webhook_secret, ""),
        allow_private_webhooks=reader.get("ALLOW_PRIVATE_WEBHOOKS", values.boolean, False),
        enrichment_providers=reader.get("ENRICHMENT_PROVIDERS", values.names, ["offline"]),
        enrichment_url=reader.get("ENRICHMENT_URL", values.enrichment_address, ""),
        enrichment_token=reader.get("ENRICHMENT_TOKEN", str, ""),
        time_zone=reader.get("TIME_ZONE", values.time_zone, "UTC"),
        instance_id=reader.get("INSTANCE_ID", values.uuid, None),
        sandbox=demo or reader.get("SANDBOX", values.boolean, False),
        demo=demo,
        debug=reader.get("DEBUG", values.boolean, False),
        trusted_proxies=reader.get("TRUSTED_PROXIES", values.whole_number, 0),
        web_threads=reader.get("WEB_THREADS", values.positive, 4),
        worker_processes=reader.get("WORKER_PROCESSES", values.positive, 2),
        log_level=reader.get("LOG_LEVEL", values.log_level, "INFO"),
        form_origins=reader.get("FORM_ORIGINS", values.web_addresses, []),
        limits=read_limits(reader),
    )
    reader.finish()
    return environment


def kept_here(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a demo: its mail stays in the local mailbox and its data in the embedded database."""
    return {name: text for name, text in environ.items() if name not in OUTSIDE}


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
        "form": reader.get("FORM_LIMIT", values.rate, (120_000, 60)),
        "form address": reader.get("FORM_LIMIT_PER_ADDRESS", values.rate, (100, 3600)),
        "form ip": reader.get("FORM_LIMIT_PER_IP", values.rate, (1_200, 60)),
        "key": reader.get("API_LIMIT", values.rate, (60_000, 60)),
        "track": reader.get("TRACK_LIMIT", values.rate, (120_000, 60)),
        "track ip": reader.get("TRACK_LIMIT_PER_IP", values.rate, (6_000, 60)),
    }


def read_mail(reader: Reader) -> Mail:
    smtp = reader.get("EMAIL_URL", values.mail_server, None)
    provider = reader.get("EMAIL_PROVIDER", values.mail_provider, "")
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
            found[name.removeprefix("ANYMAIL_")] = values.plain_or_json(text)
        elif name.startswith(f"{provider.upper()}_"):
            found[name] = values.plain_or_json(text)
    return found
