import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("webinars", "0003_what_zoom_said"),
    ]

    operations = [
        migrations.AddField(
            model_name="registrantsync",
            name="address_hash",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=32),
        ),
        migrations.AddField(
            model_name="registrantsync",
            name="email",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=254),
        ),
        migrations.AddField(
            model_name="registrantsync",
            name="let_go_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="registrantsync",
            name="registrant_id",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=120),
        ),
        migrations.AddField(
            model_name="registrantsync",
            name="webinar",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="webinars.webinar",
            ),
        ),
        migrations.AddField(
            model_name="registrantsync",
            name="zoom_id",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=40),
        ),
        migrations.AlterField(
            model_name="registrantsync",
            name="registration",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="sync", to="webinars.registration"
            ),
        ),
        migrations.AddConstraint(
            model_name="registrantsync",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("email", ""), ("registration__isnull", False), ("webinar__isnull", True)),
                    models.Q(
                        ("let_go_at__isnull", False),
                        ("registration__isnull", True),
                        ("wants", "cancel"),
                        ("webinar__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="registrant_sync_of_somebody",
            ),
        ),
    ]
