"""System checks: what `manage.py check` says about an installation, each with an id and a hint."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, register

from leads.enrichment import registry
from lifecycle import env, postgres
from lifecycle.postgres.place import installation


@register()
def database(app_configs: Any, **_kwargs: Any) -> list[CheckMessage]:
    """The embedded server needs a build for this platform."""
    if settings.EMBEDDED_POSTGRES is None:
        return []
    try:
        installation()
    except postgres.Unavailable as problem:
        return [checks.Error(str(problem), id="lifecycle.E001")]
    return []


@register(deploy=True)
def production(app_configs: Any, **_kwargs: Any) -> list[CheckMessage]:
    """What a trial may leave open and an installation for real must not."""
    found: list[CheckMessage] = []
    environment: env.Environment = settings.ENVIRONMENT
    if settings.SANDBOX:
        hint = "Unset SANDBOX: a virtual clock sends mail at the wrong time."
        found.append(checks.Warning("The clock may be set from outside.", hint=hint, id="lifecycle.W001"))
    if environment.mail.transport == "mailbox":
        hint = "Set EMAIL_URL or EMAIL_PROVIDER."
        found.append(checks.Warning("Mail stays in the local mailbox.", hint=hint, id="lifecycle.W002"))
    if not settings.HTTPS:
        hint = "Set SITE_URL to the public https address."
        found.append(checks.Warning("Links in mails and cookies are not secure.", hint=hint, id="lifecycle.W003"))
    if settings.DEFAULT_FROM_EMAIL.rstrip(">").endswith(".example"):
        hint = "Set DEFAULT_FROM_EMAIL to an address of a domain you send from."
        found.append(checks.Warning("Mail has an example sender.", hint=hint, id="lifecycle.W004"))
    return found


@register()
def enrichment(app_configs: Any, **_kwargs: Any) -> list[CheckMessage]:
    """Providers of company facts are there, and the one over HTTP knows whom to ask."""
    known = ", ".join(registry.slugs())
    found: list[CheckMessage] = [
        checks.Error(f"There is no provider “{slug}”.", hint=f"ENRICHMENT_PROVIDERS: {known}.", id="lifecycle.E002")
        for slug in registry.unknown()
    ]
    if "http" in settings.ENRICHMENT_PROVIDERS and not settings.ENRICHMENT_URL:
        hint = "Set ENRICHMENT_URL, or take http out of ENRICHMENT_PROVIDERS."
        found.append(checks.Error("The provider http has nobody to ask.", hint=hint, id="lifecycle.E003"))
    return found
