"""Who may take all people with them as a file. What people changed about roles stays."""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations


def grant(apps: Any, schema_editor: Any) -> None:
    """Permissions come first, as Django makes them only after all migrations."""
    group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    config = apps.get_app_config("leads")
    config.models_module = True  # a historical app has none, and without one nothing is created
    create_permissions(config, apps=apps, verbosity=0)
    right = permission.objects.filter(content_type__app_label="leads", codename="export_lead")
    for role in group.objects.filter(name__in=["marketer", "admin"]):
        role.permissions.add(*right)


class Migration(migrations.Migration):
    dependencies = [("lifecycle", "0007_roles_of_capture"), ("leads", "0011_leads_may_be_exported")]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
