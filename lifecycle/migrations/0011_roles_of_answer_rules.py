"""The roles' rights on the table that says which answers of a booking fill which fields. What people changed stays."""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

EVERYTHING = [f"{verb}_answerrule" for verb in ("add", "change", "delete", "view")]
ALLOWED = {"marketer": EVERYTHING, "admin": EVERYTHING, "sales": ["view_answerrule"]}


def grant(apps: Any, schema_editor: Any) -> None:
    """Permissions come first, as Django makes them only after all migrations."""
    group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    config = apps.get_app_config("integrations")
    config.models_module = True  # a historical app has none, and without one nothing is created
    create_permissions(config, apps=apps, verbosity=0)
    for name, rights in ALLOWED.items():
        role, _ = group.objects.get_or_create(name=name)
        role.permissions.add(*permission.objects.filter(content_type__app_label="integrations", codename__in=rights))


class Migration(migrations.Migration):
    dependencies = [("lifecycle", "0010_reasons_for_leaving"), ("integrations", "0004_answers_fill_leads")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
