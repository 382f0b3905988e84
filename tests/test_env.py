"""The environment is read in one place, typed, and every mistake is named at once."""

from importlib import import_module
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from lifecycle import env

BASE = Path("/srv/app")


def read(**environ: str) -> env.Environment:
    return env.read(environ, base_dir=BASE)


def test_nothing_set_is_a_complete_installation() -> None:
    it = read()
    assert it.port == 8000
    assert it.var_dir == BASE / "var"
    assert it.database is None
    assert it.site_url == "http://127.0.0.1:8000"
    assert it.mail.transport == "mailbox"
    assert it.time_zone == "UTC"
    assert it.sandbox is False


def test_an_empty_variable_counts_as_not_set() -> None:
    assert read(PORT="", EMAIL_URL=" ", SANDBOX="").port == 8000


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "eighty", "between 1 and 65535"),
        ("PORT", "70000", "between 1 and 65535"),
        ("DATABASE_URL", "mysql://u@h/n", "postgresql://"),
        ("DATABASE_URL", "postgresql://u@h", "must name a database"),
        ("CELERY_BROKER_URL", "kafka://h", "broker"),
        ("SITE_URL", "crm.example.com", "https://"),
        ("SITE_URL", "https://example.com/crm", "no path"),
        ("EMAIL_URL", "mail.example.com:25", "smtp://"),
        ("EMAIL_PROVIDER", "pigeon", "one of"),
        ("ADMIN_EMAIL", "admin", "mail address"),
        ("SALES_EMAIL", "sales@", "mail address"),
        ("DEFAULT_FROM_EMAIL", "x@y@z", "mail address"),
        ("TIME_ZONE", "Berlin", "IANA"),
        ("SANDBOX", "maybe", "1 or 0"),
        ("SECRET_KEY", "secret", "50 random characters"),
        ("WORKER_PROCESSES", "0", "1 or more"),
        ("WEB_THREADS", "many", "1 or more"),
        ("TRUSTED_PROXIES", "-1", "0 or more"),
        ("LOG_LEVEL", "LOUD", "DEBUG"),
        ("FORM_LIMIT", "many", "requests per"),
        ("ZOOM_API_URL", "api.zoom.us", "address of an API"),
        ("ZOOM_API_URL", "https://me:word@api.zoom.us/v2", "address of an API"),
    ],
)
def test_nonsense_is_refused_by_name(name: str, value: str, says: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"{name}: .*{says}"):
        read(**{name: value})


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        read(PORT="x", TIME_ZONE="y", SANDBOX="z")
    assert all(name in str(refused.value) for name in ("PORT:", "TIME_ZONE:", "SANDBOX:"))


def test_a_password_never_appears_in_a_complaint() -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        read(EMAIL_URL="imap://u:hunter2@h", DATABASE_URL="mysql://u:hunter2@h/n", CELERY_BROKER_URL="x://u:hunter2@h")
    assert "hunter2" not in str(refused.value)


def test_a_database_address_is_taken_apart() -> None:
    given = read(DATABASE_URL="postgresql://us%40er:p%3Aw@db.example:6432/crm?sslmode=require").database
    assert given == env.Database("crm", "us@er", "p:w", "db.example", "6432", {"sslmode": "require"})


def test_a_database_on_a_socket() -> None:
    given = read(DATABASE_URL="postgresql://me@/crm?host=/run/postgresql").database
    assert given is not None
    assert (given.host, given.name, given.port, given.options) == ("/run/postgresql", "crm", "", {})


@pytest.mark.parametrize(
    ("url", "port", "tls"),
    [
        ("smtp://h", 25, ""),
        ("smtp://h:2525", 2525, ""),
        ("smtp+tls://u:p@h", 587, "starttls"),
        ("smtps://u:p@h", 465, "implicit"),
    ],
)
def test_mail_servers(url: str, port: int, tls: str) -> None:
    mail = read(EMAIL_URL=url).mail
    assert (mail.transport, mail.host, mail.port, mail.tls) == ("smtp", "h", port, tls)


def test_a_mail_servers_login_is_decoded() -> None:
    mail = read(EMAIL_URL="smtp://me%40example.com:p%2Fw@h").mail
    assert (mail.user, mail.password) == ("me@example.com", "p/w")


def test_a_providers_settings_come_along_and_no_others() -> None:
    mail = read(
        EMAIL_PROVIDER="Mailgun",
        MAILGUN_API_KEY="key",
        ANYMAIL_WEBHOOK_SECRET="user:word",
        ANYMAIL_SEND_DEFAULTS='{"track_opens": false}',
        POSTMARK_SERVER_TOKEN="other",
    ).mail
    assert (mail.transport, mail.provider) == ("provider", "mailgun")
    assert mail.provider_settings == {
        "MAILGUN_API_KEY": "key",
        "WEBHOOK_SECRET": "user:word",
        "SEND_DEFAULTS": {"track_opens": False},
    }


def test_two_ways_to_send_are_one_too_many() -> None:
    with pytest.raises(ImproperlyConfigured, match="EMAIL_PROVIDER: EMAIL_URL is set as well"):
        read(EMAIL_URL="smtp://h", EMAIL_PROVIDER="resend")


def test_every_provider_has_its_anymail_backend() -> None:
    for name in env.PROVIDERS:
        assert hasattr(import_module(f"anymail.backends.{name}"), "EmailBackend")


def test_secrets_may_overlap_while_they_rotate() -> None:
    assert read(STRIPE_WEBHOOK_SECRET="new, old").stripe_secrets == ["new", "old"]
