"""What came back: opens and clicks with a verdict, and what mail providers reported."""

from django.db import models

from campaigns.models.message import Message


class Hit(models.Model):
    """An open or a click as it arrived, with who we think did it. Its raw facts can be judged again."""

    class Kind(models.TextChoices):
        OPEN = "open", "Open"
        CLICK = "click", "Click"

    class Verdict(models.TextChoices):
        HUMAN = "human", "Human"
        MACHINE = "machine", "Machine"

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="hits", db_index=False)
    kind = models.CharField(max_length=5, choices=Kind)
    link = models.PositiveSmallIntegerField(null=True, help_text="Index into the links fixed at publish.")
    method = models.CharField(max_length=10)
    user_agent = models.CharField(max_length=400, blank=True)
    verdict = models.CharField(max_length=7, choices=Verdict)
    reason = models.CharField(max_length=120)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["message", "at"], name="hit_of_message")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.message_id}: {self.verdict}"


class ProviderEvent(models.Model):
    """A mail provider's report, stored once: delivered, bounced, complained, unsubscribed."""

    key = models.CharField(max_length=200, unique=True, help_text="The provider's event id, or a hash of its facts.")
    provider = models.CharField(max_length=40)
    kind = models.CharField(max_length=30)
    message = models.ForeignKey(Message, null=True, on_delete=models.CASCADE, related_name="provider_events")
    address_hash = models.CharField(max_length=32, blank=True)
    detail = models.CharField(max_length=250, blank=True)
    at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=models.Q(processed_at__isnull=True), name="provider_event_pending")
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.kind}"
