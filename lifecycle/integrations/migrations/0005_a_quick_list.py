from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0004_answers_fill_leads"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="inboxevent",
            index=models.Index(
                condition=models.Q(("state__in", ["waiting", "parked", "dead"])),
                fields=["state", "-id"],
                name="inbox_unfinished",
            ),
        ),
        migrations.AddIndex(
            model_name="inboxevent",
            index=models.Index(fields=["kind", "-id"], name="inbox_of_kind"),
        ),
        migrations.AddIndex(
            model_name="inboxevent",
            index=models.Index(fields=["received_at"], name="inbox_of_days"),
        ),
    ]
