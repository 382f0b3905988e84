"""The roles' rights on meetings, customers, webinars and what other systems tell. What people changed stays."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

EVERYTHING = ("add", "change", "delete", "view")
BILLING = ("billingaccount", "subscription", "invoice", "purchase", "purchasereference", "refund")
HISTORY = ("inboxevent", "refusedcall")
ATTENDANCE = ("counter", "presence", "registrantsync")


def codenames(verbs: Iterable[str], models: Iterable[str]) -> set[str]:
    return {f"{verb}_{model}" for verb in verbs for model in models}


# A webinar is never deleted: its code stands in people's history.
WEBINARS = (
    codenames(["add", "change", "view"], ["webinar", "registration"])
    | codenames(EVERYTHING, ["speaker"])
    | codenames(["view"], ATTENDANCE)
    | {"change_registrantsync"}
)
SOURCES = codenames(EVERYTHING, ["webhooksource", "webhookrule"])
ALLOWED: dict[str, dict[str, set[str]]] = {
    "marketer": {
        "customers": codenames(EVERYTHING, ["product"]) | codenames(["view"], BILLING),
        "webinars": WEBINARS,
        "integrations": codenames(["view"], HISTORY) | {"replay_inboxevent", "view_webhooksource", "view_webhookrule"},
        "sales": {"view_meeting"},
    },
    "sales": {
        "customers": codenames(["view"], ["product", *BILLING]),
        "webinars": codenames(["view"], ["webinar", "speaker", "registration", *ATTENDANCE]),
        "sales": codenames(["add", "change", "view"], ["meeting"]),
    },
    "admin": {
        "customers": codenames(EVERYTHING, ["product"]) | codenames(["view"], BILLING),
        "webinars": WEBINARS,
        "integrations": SOURCES | codenames(["view"], HISTORY) | {"replay_inboxevent"},
        "sales": codenames(EVERYTHING, ["meeting"]),
    },
}


def grant(apps: Any, schema_editor: Any) -> None:
    """Permissions come first, as Django makes them only after all migrations."""
    group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for app in ("customers", "webinars", "integrations", "sales"):
        config = apps.get_app_config(app)
        config.models_module = True  # a historical app has none, and without one nothing is created
        create_permissions(config, apps=apps, verbosity=0)
    for name, rights in ALLOWED.items():
        role, _ = group.objects.get_or_create(name=name)
        for app, names in rights.items():
            role.permissions.add(*permission.objects.filter(content_type__app_label=app, codename__in=names))


class Migration(migrations.Migration):
    dependencies = [
        ("lifecycle", "0008_roles_of_export"),
        ("customers", "0001_initial"),
        ("integrations", "0001_initial"),
        ("sales", "0003_meetings"),
        ("webinars", "0001_initial"),
    ]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
