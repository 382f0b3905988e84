"""Who may read the audit of broadcasts: everybody who may see broadcasts."""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations


def grant(apps: Any, schema_editor: Any) -> None:
    """Permissions come first, as Django makes them only after all migrations."""
    config = apps.get_app_config("campaigns")
    config.models_module = True  # a historical app has none, and without one nothing is created
    create_permissions(config, apps=apps, verbosity=0)
    permission = apps.get_model("auth", "Permission")
    reading = permission.objects.filter(content_type__app_label="campaigns", codename="view_broadcastchange")
    for name in ("marketer", "sales", "admin"):
        role, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        role.permissions.add(*reading)


class Migration(migrations.Migration):
    dependencies = [("lifecycle", "0003_roles_of_journeys"), ("campaigns", "0005_broadcasts_in_turn")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
