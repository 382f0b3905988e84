import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    """The hourly tick reads the bodies that are there already, in turns; until then erasing reads them itself."""

    dependencies = [
        ("integrations", "0002_find_bodies_to_forget"),
    ]

    operations = [
        migrations.AddField(
            model_name="inboxevent",
            name="named",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(),
                editable=False,
                help_text="Hashes of the addresses in the body (`naming`), for erasing; null until it was read for them.",
                null=True,
                size=None,
            ),
        ),
        migrations.AddIndex(
            model_name="inboxevent",
            index=django.contrib.postgres.indexes.GinIndex(fields=["named"], name="inbox_named"),
        ),
        migrations.AddIndex(
            model_name="inboxevent",
            index=models.Index(
                condition=models.Q(("named__isnull", True), models.Q(("body", b""), _negated=True)),
                fields=["id"],
                name="inbox_unread",
            ),
        ),
    ]
