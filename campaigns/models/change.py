"""The audit of sequences: who did what to one, when and why."""

import pgtrigger
from django.conf import settings
from django.db import models

from campaigns.models.sequence import Sequence


class SequenceChange(models.Model):
    """One line of a sequence's audit: who did what to it, when and why. Insert-only."""

    sequence = models.ForeignKey(Sequence, on_delete=models.CASCADE, related_name="changes")
    at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    action = models.CharField(
        max_length=20, help_text="published, reverted, paused, frozen, resumed, stopped, halted …"
    )
    version = models.ForeignKey(
        "campaigns.SequenceVersion", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    reason = models.CharField(max_length=250, blank=True)
    detail = models.JSONField(default=dict, blank=True, help_text="Counts of the people it touched, by effect.")

    class Meta:
        ordering = ["-at", "-id"]
        # An account or a draft may go; what it did stays.
        triggers = [pgtrigger.ReadOnly(name="insert_only_update", exclude=["actor", "version"])]

    def __str__(self) -> str:
        return f"{self.action} at {self.at:%Y-%m-%d %H:%M}"
