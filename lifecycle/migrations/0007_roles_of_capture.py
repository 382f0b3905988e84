"""The roles' rights on what came with capture and attribution. What people changed about roles stays."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

EVERYTHING = ("add", "change", "delete", "view")
# What a marketer writes; the rest of it is history or people.
EDITED = ("channelrule", "pagerule", "titlerule", "magnet", "landingpage", "pagevariant", "importrun")
READ = ("conversion", "confirmation", "importrefusal", "pagevisit", "leadmerge", "addressalias")
DECIDED = ("possibleduplicate", "pendingidentity")


def codenames(verbs: Iterable[str], models: Iterable[str]) -> set[str]:
    return {f"{verb}_{model}" for verb in verbs for model in models}


LEADS = (
    codenames(EVERYTHING, EDITED)
    | codenames(["view"], READ)
    | codenames(["view", "change"], DECIDED)
    | {"add_leadmerge", "change_leadmerge"}
)
ALLOWED: dict[str, dict[str, set[str]]] = {
    "marketer": {"leads": LEADS, "api": {"view_rejectedcall"}},
    "sales": {"leads": codenames(["view"], (*EDITED, *READ, *DECIDED))},
    "admin": {"leads": LEADS | {"delete_possibleduplicate"}, "api": {"view_rejectedcall", "delete_rejectedcall"}},
}


def grant(apps: Any, schema_editor: Any) -> None:
    """Permissions come first, as Django makes them only after all migrations."""
    group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for app in ("leads", "api"):
        config = apps.get_app_config(app)
        config.models_module = True  # a historical app has none, and without one nothing is created
        create_permissions(config, apps=apps, verbosity=0)
    for name, rights in ALLOWED.items():
        role, _ = group.objects.get_or_create(name=name)
        for app, names in rights.items():
            role.permissions.add(*permission.objects.filter(content_type__app_label=app, codename__in=names))


class Migration(migrations.Migration):
    dependencies = [
        ("lifecycle", "0006_rehearsals"),
        ("leads", "0004_capture_in_full"),
        ("api", "0002_origins_and_rejections"),
    ]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
