import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0007_people_on_their_way")]

    operations = [
        migrations.RenameField("experiment", "created_at", "started_at"),
        migrations.AlterField(
            "experiment",
            "started_at",
            models.DateTimeField(
                default=django.utils.timezone.now, editable=False, help_text="Mails queued since then count."
            ),
        ),
    ]
