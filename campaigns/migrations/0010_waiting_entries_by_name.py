from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0009_rehearsals"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="waitingentry",
            options={"verbose_name": "waiting entry", "verbose_name_plural": "waiting entries"},
        ),
    ]
