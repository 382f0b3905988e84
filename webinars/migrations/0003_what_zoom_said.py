from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("webinars", "0002_attendance"),
    ]

    operations = [
        migrations.AddField(
            model_name="registration",
            name="zoom_said_at",
            field=models.DateTimeField(
                editable=False, help_text="When Zoom last said whether they are registered there.", null=True
            ),
        ),
        migrations.AddField(
            model_name="webinar",
            name="zoom_said_at",
            field=models.DateTimeField(editable=False, help_text="When Zoom last told of its time.", null=True),
        ),
    ]
