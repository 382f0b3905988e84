import django.contrib.postgres.indexes
from django.db import migrations, models

DATES = """
    CREATE FUNCTION leads_dates(attributes jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT coalesce(array_agg(key || '=' || left(btrim(value), 10)), '{}')
        FROM jsonb_each_text(attributes) WHERE value ~ '^\\s*[0-9]{4}-[0-9]{2}-[0-9]{2}'
    $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("leads", "0002_merging_and_calm"),
    ]

    operations = [
        migrations.RunSQL(DATES, "DROP FUNCTION leads_dates(jsonb)"),
        migrations.AddIndex(
            model_name="lead",
            index=models.Index(fields=["created_at"], name="lead_by_creation"),
        ),
        migrations.AddIndex(
            model_name="lead",
            index=models.Index(fields=["stage_since"], name="lead_by_stage_start"),
        ),
        migrations.AddIndex(
            model_name="lead",
            index=django.contrib.postgres.indexes.GinIndex(
                models.Func("attributes", function="leads_dates"),
                condition=models.Q(("attributes", {}), _negated=True),
                name="lead_dates",
            ),
        ),
    ]
