"""Who may ask for rehearsals and read them. What people changed about roles stays."""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

RIGHTS = {
    "marketer": ("add", "delete", "view"),
    "admin": ("add", "delete", "view"),
    "sales": ("view",),
}


def grant(apps: Any, schema_editor: Any) -> None:
    """Permissions come first, as Django makes them only after all migrations."""
    config = apps.get_app_config("campaigns")
    config.models_module = True  # a historical app has none, and without one nothing is created
    create_permissions(config, apps=apps, verbosity=0)
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="campaigns")
    for name, verbs in RIGHTS.items():
        role, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        role.permissions.add(*permissions.filter(codename__in=[f"{verb}_rehearsalrun" for verb in verbs]))


class Migration(migrations.Migration):
    dependencies = [("lifecycle", "0005_confirmations"), ("campaigns", "0009_rehearsals")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
