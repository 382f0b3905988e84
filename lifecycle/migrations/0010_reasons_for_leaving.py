"""The roles' rights on the reasons that former customers may choose from. What people changed stays."""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

EVERYTHING = [f"{verb}_leavingreason" for verb in ("add", "change", "delete", "view")]
ALLOWED = {"marketer": EVERYTHING, "admin": EVERYTHING, "sales": ["view_leavingreason"]}


def grant(apps: Any, schema_editor: Any) -> None:
    """Permissions come first, as Django makes them only after all migrations."""
    group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    config = apps.get_app_config("customers")
    config.models_module = True  # a historical app has none, and without one nothing is created
    create_permissions(config, apps=apps, verbosity=0)
    for name, rights in ALLOWED.items():
        role, _ = group.objects.get_or_create(name=name)
        role.permissions.add(*permission.objects.filter(content_type__app_label="customers", codename__in=rights))


class Migration(migrations.Migration):
    dependencies = [("lifecycle", "0009_roles_of_the_systems_around"), ("customers", "0003_reasons_for_leaving")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
