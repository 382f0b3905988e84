from django.db import models
from django.db.models import Q

from campaigns.models.topic import Topic


class Suppression(models.Model):
    """An address that must not be mailed, by keyed hash: it outlives the lead, imports, merges and erasure."""

    class Scope(models.TextChoices):
        TOPIC = "topic", "One topic"
        MARKETING = "marketing", "All marketing"
        EVERYTHING = "everything", "Everything (hard bounce, complaint)"

    address_hash = models.CharField(max_length=32)
    scope = models.CharField(max_length=10, choices=Scope)
    topic = models.ForeignKey(Topic, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=60, help_text="unsubscribed, hard bounce, complaint, imported …")
    source = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["address_hash", "scope", "topic"], nulls_distinct=False, name="suppression_once_per_scope"
            ),
            models.CheckConstraint(
                condition=Q(scope="topic", topic__isnull=False) | (~Q(scope="topic") & Q(topic__isnull=True)),
                name="suppression_topic_only_with_scope_topic",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.address_hash[:8]}… {self.get_scope_display()}"
