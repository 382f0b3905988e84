"""Which mail works better: the rules of the comparison, who is in which arm, and how it ended."""

from datetime import timedelta

from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

from campaigns.models.sequence import STEP_KEY, Sequence
from leads.models import Lead


class Experiment(models.Model):
    """The variants of one send step compared by one goal. It belongs to the step, so it spans versions.

    It is judged once: when each arm has its sample and the time to act is over for all of it. Looking earlier changes
    nothing, so looking often costs nothing.
    """

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DECIDED = "decided", "Decided"

    sequence = models.ForeignKey(Sequence, on_delete=models.CASCADE, related_name="experiments")
    step_key = models.CharField(max_length=60, validators=[STEP_KEY])
    goal = models.CharField(
        max_length=100, default="email.clicked", help_text="The event that counts, after the mail was sent."
    )
    goal_where = models.JSONField(default=list, blank=True, help_text="Tests on the event's properties.")
    goal_within = models.DurationField(default=timedelta(days=7), help_text="How long after the mail it counts.")
    minimum_sample = models.PositiveIntegerField(
        default=500,
        validators=[MinValueValidator(10)],
        help_text="People per variant before it is judged, set in advance.",
    )
    auto_promote = models.BooleanField(default=False, help_text="Everybody new gets the winner by itself.")
    state = models.CharField(max_length=7, choices=State, default=State.RUNNING, editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)
    winner_key = models.CharField(max_length=20, blank=True, editable=False, help_text="Empty: no difference shown.")
    promoted_key = models.CharField(max_length=20, blank=True, editable=False, help_text="New people get this variant.")
    result = models.JSONField(null=True, editable=False, help_text="Arms, difference and interval when it was judged.")
    started_at = models.DateTimeField(default=timezone.now, editable=False, help_text="Mails queued since then count.")

    class Meta:
        ordering = ["sequence", "step_key"]
        constraints = [models.UniqueConstraint(fields=["sequence", "step_key"], name="experiment_once_per_step")]

    def __str__(self) -> str:
        return f"{self.sequence}: {self.step_key}"


class Assignment(models.Model):
    """The variant a person met first at a step, and meets whenever they come by again. Kept until it is gone."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="assignments", db_index=False)
    sequence = models.ForeignKey(Sequence, on_delete=models.CASCADE, related_name="+", db_index=False)
    step_key = models.CharField(max_length=60)
    variant_key = models.CharField(max_length=20)
    assigned_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lead", "sequence", "step_key"], name="assignment_once_per_lead_and_step")
        ]

    def __str__(self) -> str:
        return f"{self.lead_id}: {self.step_key} {self.variant_key}"
