from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from campaigns.models.sequence import Sequence, SequenceVersion
from leads.models import Lead


class Enrollment(models.Model):
    """One person's run through a sequence. `due_at` is empty while it waits for its message to be settled."""

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        ENDED = "ended", "Ended"

    sequence = models.ForeignKey(Sequence, on_delete=models.PROTECT, related_name="enrollments", db_index=False)
    version = models.ForeignKey(SequenceVersion, on_delete=models.PROTECT, related_name="+", db_index=False)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="enrollments", db_index=False)
    key = models.CharField(max_length=120, blank=True, help_text="Business id: an order, a webinar. Usually empty.")
    state = models.CharField(max_length=6, choices=State, default=State.ACTIVE)
    step_key = models.CharField(max_length=60, blank=True, help_text="The step it is at.")
    step_since = models.DateTimeField(help_text="When the step before was over, by plan.")
    is_waiting = models.BooleanField(default=False, help_text="The wait of this step is set: due_at is its end.")
    due_at = models.DateTimeField(null=True, help_text="When the engine looks next.")
    context = models.JSONField(default=dict, help_text="{event: …, events: [...]}: what triggered it, merges included.")
    entry_event = models.ForeignKey(
        "leads.Event", null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    depth = models.PositiveSmallIntegerField(default=0, help_text="Causal depth of the entry; guards against loops.")
    lineage = ArrayField(
        models.CharField(max_length=80), null=True, help_text="Sequences whose own actions led to this entry."
    )
    is_holdout = models.BooleanField(
        db_default=False, default=False, help_text="In the control group: nothing is ever sent."
    )
    is_held = models.BooleanField(db_default=False, default=False, help_text="Stands still: its sequence is frozen.")
    late_before = models.DateTimeField(null=True, help_text="Mails planned before this are skipped.")
    enrolled_at = models.DateTimeField()
    goal_since = models.DateTimeField(help_text="Goals count from here: when the entry event happened.")
    ended_at = models.DateTimeField(null=True)
    exit_reason = models.CharField(max_length=120, blank=True)
    exit_event = models.ForeignKey(
        "leads.Event", null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lead", "sequence", "key"], condition=Q(state="active"), name="enrollment_active_once"
            ),
            models.CheckConstraint(
                condition=Q(state="active", ended_at__isnull=True)
                | (Q(state="ended", ended_at__isnull=False) & ~Q(exit_reason="")),
                name="enrollment_end_has_time_and_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(state="active", due_at__isnull=False, is_held=False),
                name="enrollment_due",
            ),
            models.Index(fields=["lead", "sequence", "enrolled_at"], name="enrollment_of_lead"),
            models.Index(fields=["sequence", "state", "-id"], name="enrollment_of_sequence"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence_id} for {self.lead_id}, {self.state}"
