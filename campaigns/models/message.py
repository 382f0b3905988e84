from django.db import models
from django.db.models import Q

from campaigns.models.broadcast import BroadcastRun
from campaigns.models.enrollment import Enrollment
from campaigns.models.sequence import Sequence
from campaigns.models.template import MessageClass, TemplateVersion
from campaigns.models.topic import Topic
from leads.models import Lead


class Message(models.Model):
    """One mail to one person, from its decision to exactly one named end.

        ready ──> sending ──> sent | failed | unknown
          └────────────────> suppressed | expired | canceled

    A deferred message is `ready` with a later `due_at` and the check's name in `reason`.
    """

    class State(models.TextChoices):
        READY = "ready", "Ready"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        UNKNOWN = "unknown", "Unknown"
        SUPPRESSED = "suppressed", "Suppressed"
        EXPIRED = "expired", "Expired"
        CANCELED = "canceled", "Canceled"

    OPEN = (State.READY, State.SENDING)

    key = models.CharField(
        max_length=120, unique=True, help_text="enrollment:7:welcome: one mail, whatever is repeated."
    )
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="messages", db_index=False)
    enrollment = models.ForeignKey(
        Enrollment, null=True, on_delete=models.CASCADE, related_name="messages", db_index=False
    )
    sequence = models.ForeignKey(Sequence, null=True, on_delete=models.PROTECT, related_name="messages", db_index=False)
    step_key = models.CharField(max_length=60, blank=True)
    variant_key = models.CharField(max_length=20, blank=True)
    template_version = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, related_name="+", db_index=False)
    message_class = models.CharField(max_length=13, choices=MessageClass)
    topic = models.ForeignKey(Topic, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    broadcast_run = models.ForeignKey(
        BroadcastRun, null=True, on_delete=models.PROTECT, related_name="messages", db_index=False
    )
    context = models.JSONField(default=dict, blank=True, help_text="Variables of a mail that no enrolment carries.")
    priority = models.SmallIntegerField(default=0)
    subject = models.CharField(max_length=250, blank=True, help_text="As sent.")

    state = models.CharField(max_length=10, choices=State, default=State.READY)
    reason = models.CharField(max_length=250, blank=True)
    is_held = models.BooleanField(db_default=False, default=False, help_text="Waits until somebody lets it go on.")
    is_shadow = models.BooleanField(
        db_default=False, default=False, help_text="Of the control group: goes through all checks, is not sent."
    )
    checks = models.JSONField(null=True, help_text="What the last look at it found: {check: values}.")
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Later than this it is not worth sending.")
    created_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True, help_text="When it was last taken for sending; caps count from it.")
    settled_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Counted at the claim, before the work.")
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    handed_at = models.DateTimeField(
        null=True, help_text="Just before it was given to the transport: it may have left."
    )
    stop_reason = models.CharField(
        max_length=120, blank=True, help_text="Set on a message in flight: drop it if you still can."
    )
    provider_id = models.CharField(max_length=250, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="ready", is_held=False), name="message_ready_by_due"),
            models.Index(
                fields=["broadcast_run", "state", "id"],
                condition=Q(broadcast_run__isnull=False),
                name="message_of_broadcast_run",
            ),
            models.Index(
                fields=["sequence", "step_key", "variant_key"],
                condition=Q(sequence__isnull=False),
                name="message_of_step",
            ),
            models.Index(fields=["lease_until"], condition=Q(state="sending"), name="message_lease"),
            models.Index(fields=["settled_at"], condition=Q(state="unknown"), name="message_unknown_since"),
            models.Index(fields=["lead", "-id"], name="message_of_lead"),
            models.Index(fields=["enrollment"], name="message_of_enrollment"),
            models.Index(fields=["provider_id"], condition=~Q(provider_id=""), name="message_by_provider_id"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["ready", "sending"], settled_at__isnull=True)
                | (~Q(state__in=["ready", "sending"]) & Q(settled_at__isnull=False)),
                name="message_settled_when_closed",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["ready", "sending", "sent"]) | ~Q(reason=""), name="message_end_has_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key}, {self.state}"
