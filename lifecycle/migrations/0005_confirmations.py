import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("lifecycle", "0004_broadcast_changes")]
    operations = [
        migrations.CreateModel(
            name="Confirmation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("by", models.CharField(max_length=150)),
                ("reason", models.CharField(blank=True, help_text="What was in the way.", max_length=250)),
                ("before", models.UUIDField(null=True)),
                ("after", models.UUIDField()),
            ],
            options={"ordering": ["-id"]},
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="confirmation",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="185b705f9a4eeb93c6eeb8f57a3d3080e0f43300",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_insert_only_9f263",
                    table="lifecycle_confirmation",
                    when="BEFORE",
                ),
            ),
        ),
    ]
