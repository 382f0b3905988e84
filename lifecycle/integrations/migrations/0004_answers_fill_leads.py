from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0003_whom_bodies_name"),
    ]

    operations = [
        migrations.CreateModel(
            name="AnswerRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "question",
                    models.CharField(
                        help_text="The question or a part of it, as “company size”; capitals make no difference.",
                        max_length=200,
                    ),
                ),
                (
                    "event_name",
                    models.CharField(
                        blank=True,
                        help_text="Only for bookings of the event type with this name in Calendly; empty: for all of them.",
                        max_length=200,
                        verbose_name="event type",
                    ),
                ),
                ("target", models.CharField(help_text="A field of the lead, or attributes.NAME", max_length=80)),
                (
                    "only_if_empty",
                    models.BooleanField(
                        default=True,
                        help_text="Off: the answer of the newest booking replaces what is known of the person.",
                        verbose_name="only if nothing is known",
                    ),
                ),
                (
                    "position",
                    models.PositiveSmallIntegerField(
                        default=100, help_text="Lower comes first; of several answers for one field the first counts."
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
            ],
            options={
                "ordering": ["position", "id"],
                "constraints": [
                    models.UniqueConstraint(fields=("question", "event_name", "target"), name="answer_rule_once")
                ],
            },
        ),
    ]
