"""People on their way into a sequence: those whose filters do not hold yet, and those a launch brings in."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from campaigns.models.sequence import Sequence
from leads.models import Lead


class WaitingEntry(models.Model):
    """A trigger that came before its filters held, tried again with the person's events until its grace ends."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+", db_index=False)
    sequence = models.ForeignKey(Sequence, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=120, blank=True)
    payload = models.JSONField(default=dict)
    event = models.ForeignKey(
        "leads.Event", null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    since = models.DateTimeField(help_text="When the trigger happened: goals count from here.")
    until = models.DateTimeField(help_text="After this it is recorded as not enrolled.")
    depth = models.PositiveSmallIntegerField(default=0)
    lineage = ArrayField(models.CharField(max_length=80), null=True)
    reason = models.CharField(max_length=250, help_text="What did not hold at the last try.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lead", "sequence", "key"], name="waiting_entry_once"),
        ]
        indexes = [models.Index(fields=["until"], name="waiting_entry_until")]
        verbose_name = "waiting entry"
        verbose_name_plural = "waiting entries"

    def __str__(self) -> str:
        return f"{self.lead_id} for {self.sequence_id}, until {self.until:%Y-%m-%d %H:%M}"


class Backfill(models.Model):
    """What a launch does with those who already match: none, all, from the step by elapsed time, or a sample."""

    class Mode(models.TextChoices):
        ALL = "all", "All, from the first step"
        ELAPSED = "elapsed", "All, from the step by elapsed time"
        SAMPLE = "sample", "A sample, from the first step"

    sequence = models.ForeignKey(Sequence, on_delete=models.CASCADE, related_name="backfills")
    mode = models.CharField(max_length=7, choices=Mode)
    sample = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    per_hour = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    matched = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.sequence}: {self.get_mode_display()}"


class BackfillEntry(models.Model):
    """One person whom a launch brings in, at their turn."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        ENROLLED = "enrolled", "Enrolled"
        REFUSED = "refused", "Refused"

    backfill = models.ForeignKey(Backfill, on_delete=models.CASCADE, related_name="entries", db_index=False)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=120, blank=True)
    payload = models.JSONField(default=dict)
    event_id = models.BigIntegerField(null=True)
    since = models.DateTimeField(help_text="When what matches happened.")
    due_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    reason = models.CharField(max_length=250, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["backfill", "lead", "key"], name="backfill_entry_once")]
        indexes = [models.Index(fields=["due_at"], condition=Q(state="waiting"), name="backfill_entry_due")]

    def __str__(self) -> str:
        return f"{self.lead_id}, {self.state}"
