"""The reasons of what was decided, also of what was not done. Compact: a check, its values, an outcome."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from leads.models import Lead


class Decision(models.Model):
    """One decision about one person. Kept for a while (workspace), then pruned by day.

    `check_name` says what decided (filter, reentry, group, loop, exit, consent, late, window, cap, rate, step …),
    `values` what it saw, `outcome` what came of it. `lifecycle.reports.why` makes sentences of it.
    """

    class About(models.TextChoices):
        ENTRY = "entry", "Entry"
        STEP = "step", "Step"
        SEND = "send", "Sending"
        EXIT = "exit", "Exit"

    at = models.DateTimeField()
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    about = models.CharField(max_length=5, choices=About)
    outcome = models.CharField(max_length=14)
    check_name = models.CharField(max_length=20, blank=True)
    values = models.JSONField(null=True)
    sequence_id = models.IntegerField(null=True)
    enrollment_id = models.BigIntegerField(null=True)
    message_id = models.BigIntegerField(null=True)
    step_key = models.CharField(max_length=60, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["lead", "-id"], name="decision_of_lead"),
            BrinIndex(fields=["at"], name="decision_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.about} {self.outcome} {self.check_name}".strip()
