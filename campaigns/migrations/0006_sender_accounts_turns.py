from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0005_broadcasts_in_turn")]
    operations = [
        migrations.AddField(
            model_name="senderaccount",
            name="booked_until",
            field=models.DateTimeField(
                editable=False, help_text="A backlog has its turns up to here; who comes later is after it.", null=True
            ),
        ),
    ]
