"""Posts to other systems that a sequence's step asks for, with a lease like everything that leaves the house."""

from django.db import models
from django.db.models import Q

from leads.models import Lead


class WebhookCall(models.Model):
    """ready ──> sending ──> done | failed; a failed attempt is ready again later, with the same id."""

    class State(models.TextChoices):
        READY = "ready", "Ready"
        SENDING = "sending", "Sending"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    key = models.CharField(
        max_length=120, unique=True, help_text="enrollment:7:tell-crm; the webhook-id of every attempt."
    )
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="webhook_calls", db_index=False)
    enrollment_id = models.BigIntegerField(null=True)
    url = models.URLField(max_length=500)
    body = models.JSONField()
    state = models.CharField(max_length=7, choices=State, default=State.READY)
    attempts = models.PositiveSmallIntegerField(default=0)
    detail = models.CharField(max_length=250, blank=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="ready"), name="webhook_call_ready"),
            models.Index(fields=["lease_until"], condition=Q(state="sending"), name="webhook_call_lease"),
            models.Index(fields=["lead", "-id"], name="webhook_call_of_lead"),
        ]

    def __str__(self) -> str:
        return f"{self.key}, {self.state}"
