from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sales", "0003_meetings"),
    ]

    operations = [
        migrations.AddField(
            model_name="meeting",
            name="is_named_only",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Nothing is known of it but that another meeting took its place.",
            ),
        ),
        migrations.AddField(
            model_name="meeting",
            name="new_reference",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="What the calendar calls the time that it was given up for.",
                max_length=250,
            ),
        ),
        migrations.AddField(
            model_name="meeting",
            name="new_time_until",
            field=models.DateTimeField(
                help_text="How long that is waited for before the meeting counts as canceled.", null=True
            ),
        ),
        migrations.AddIndex(
            model_name="meeting",
            index=models.Index(
                condition=models.Q(("new_time_until__isnull", False), ("state", "scheduled")),
                fields=["new_time_until"],
                name="meeting_waits_for_new_time",
            ),
        ),
        migrations.AddIndex(
            model_name="meeting",
            index=models.Index(
                condition=models.Q(("new_reference", ""), _negated=True),
                fields=["new_reference"],
                name="meeting_by_new_reference",
            ),
        ),
    ]
