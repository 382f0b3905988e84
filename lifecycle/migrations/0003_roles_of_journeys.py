"""The roles' rights on what came with broadcasts, experiments and tasks. What people changed about roles stays."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

EVERYTHING = ("add", "change", "delete", "view")
EDITED = (
    *("broadcast", "broadcastvariant", "broadcastrun", "experiment", "backfill", "senderaccount", "holiday"),
    *("webhookcall", "waitingentry", "backfillentry", "assignment"),
)
READ = ("decision", "sequencechange")


def codenames(verbs: Iterable[str], models: Iterable[str]) -> set[str]:
    return {f"{verb}_{model}" for verb in verbs for model in models}


CAMPAIGNS = codenames(EVERYTHING, EDITED) | codenames(["view"], READ)
TASKS = codenames(EVERYTHING, ["task"])
CRONTABS = codenames(EVERYTHING, ["crontabschedule"])
ALLOWED: dict[str, dict[str, set[str]]] = {
    "marketer": {"campaigns": CAMPAIGNS, "sales": codenames(["view"], ["task"]), "django_celery_beat": CRONTABS},
    "sales": {"campaigns": codenames(["view"], ["decision", "broadcast", "broadcastrun"]), "sales": TASKS},
    "admin": {"campaigns": CAMPAIGNS, "sales": TASKS, "django_celery_beat": CRONTABS},
}


def grant(apps: Any, schema_editor: Any) -> None:
    """Permissions come first, as Django makes them only after all migrations."""
    group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for app in ("campaigns", "sales", "django_celery_beat"):
        config = apps.get_app_config(app)
        config.models_module = True  # a historical app has none, and without one nothing is created
        create_permissions(config, apps=apps, verbosity=0)
    for name, rights in ALLOWED.items():
        role, _ = group.objects.get_or_create(name=name)
        for app, names in rights.items():
            role.permissions.add(*permission.objects.filter(content_type__app_label=app, codename__in=names))


class Migration(migrations.Migration):
    dependencies = [
        ("lifecycle", "0002_roles"),
        ("campaigns", "0004_journeys_in_full"),
        ("sales", "0002_tasks"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
