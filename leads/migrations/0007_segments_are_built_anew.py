"""Segments of before know no due times: the next tick looks at everybody once."""

from typing import Any

from django.db import migrations


def build_anew(apps: Any, schema_editor: Any) -> None:
    apps.get_model("leads", "Segment").objects.update(refreshed_at=None, built_to=None)


class Migration(migrations.Migration):
    dependencies = [
        ("leads", "0006_segments_at_scale"),
    ]
    operations = [migrations.RunPython(build_anew, migrations.RunPython.noop)]
