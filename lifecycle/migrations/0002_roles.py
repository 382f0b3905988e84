"""The three roles as groups: marketer, sales, admin. What each may do is edited in the admin afterwards."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

EVERYTHING = ("add", "change", "delete", "view")
# What a marketer writes in the app of leads; the rest of it is history or people.
EDITED = ("audience", "eventname", "form", "scoregroup", "scorerule", "segment", "stagerule")
SALES_READS_IN_CAMPAIGNS = ("enrollment", "message", "sequence", "sequenceversion", "emailtemplate")


def codenames(verbs: Iterable[str], models: Iterable[str]) -> set[str]:
    return {f"{verb}_{model}" for verb in verbs for model in models}


def models_of(apps: Any, app: str) -> list[str]:
    return [model._meta.model_name for model in apps.get_app_config(app).get_models()]


def allowed(apps: Any) -> dict[str, dict[str, set[str]]]:
    """Role → app → codenames."""
    ours = {app: models_of(apps, app) for app in ("leads", "campaigns", "sales")}
    everywhere = [*ours, "api", "auth", "django_celery_beat"]
    return {
        "marketer": {
            "leads": codenames(["view"], ours["leads"])
            | codenames(EVERYTHING, EDITED)
            | {"add_lead", "change_lead", "change_company", "change_workspace", "change_pendingevent"},
            "campaigns": codenames(EVERYTHING, ours["campaigns"]),
            "sales": codenames(["view"], ours["sales"]),
        },
        "sales": {
            "leads": codenames(["view"], [name for name in ours["leads"] if name != "workspace"])
            | {"add_lead", "change_lead", "change_company"},
            "campaigns": codenames(["view"], SALES_READS_IN_CAMPAIGNS) | {"change_enrollment"},
            "sales": codenames(["view"], ours["sales"]),
        },
        "admin": {app: codenames(EVERYTHING, models_of(apps, app)) for app in everywhere},
    }


def grant(apps: Any, schema_editor: Any) -> None:
    """Make the groups and give them what they may do; permissions come first, as they are made after all migrations."""
    group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    roles = allowed(apps)
    for app in {app for rights in roles.values() for app in rights}:
        config = apps.get_app_config(app)
        config.models_module = True  # a historical app has none, and without one nothing is created
        create_permissions(config, apps=apps, verbosity=0)
    for name, rights in roles.items():
        role, _ = group.objects.get_or_create(name=name)
        for app, names in rights.items():
            role.permissions.add(*permission.objects.filter(content_type__app_label=app, codename__in=names))


def revoke(apps: Any, schema_editor: Any) -> None:
    apps.get_model("auth", "Group").objects.filter(name__in=["marketer", "sales", "admin"]).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("lifecycle", "0001_moments"),
        ("leads", "0001_initial"),
        ("campaigns", "0001_initial"),
        ("sales", "0001_initial"),
        ("api", "0001_keys_and_throttles"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [migrations.RunPython(grant, revoke)]
