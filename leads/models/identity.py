"""Who is who: what waits to be joined, what people joined by hand, and what somebody should look at."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from leads.models.event import Event
from leads.models.lead import Lead, Visitor


class AddressAlias(models.Model):
    """An address that leads to another lead since two were merged."""

    email_normal = models.CharField(max_length=254, unique=True)
    address_hash = models.CharField(max_length=32, db_index=True)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="aliases")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "address aliases"

    def __str__(self) -> str:
        return self.email_normal


class PendingIdentity(models.Model):
    """An identify, alias or group call that is stored and not yet acted on; gone in the transaction that does."""

    event = models.OneToOneField(Event, primary_key=True, on_delete=models.CASCADE, related_name="pending_identity")
    visitor = models.ForeignKey(Visitor, on_delete=models.CASCADE, related_name="+", db_index=False)
    browser = models.ForeignKey(
        Visitor,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text="The browser that the same call names beside the user.",
    )
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    error = models.TextField(blank=True, default="", db_default="", help_text="The last failure's traceback.")
    dead_at = models.DateTimeField(null=True, blank=True, help_text="Set after five failures; replay it when mended.")

    class Meta:
        verbose_name_plural = "pending identities"

    def __str__(self) -> str:
        return f"pending identity {self.event_id}"


class PossibleDuplicate(models.Model):
    """Two leads that a call named as one person. A link or a cookie never merges people; somebody decides here."""

    class Outcome(models.TextChoices):
        OPEN = "open", "To be looked at"
        MERGED = "merged", "Merged"
        DIFFERENT = "different", "Two people"

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="possible_duplicates")
    other = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=250, help_text="What named them together, in words.")
    outcome = models.CharField(max_length=9, choices=Outcome, default=Outcome.OPEN, db_default="open")
    seen_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lead", "other"], name="possible_duplicate_once"),
            models.CheckConstraint(condition=Q(lead__lt=F("other")), name="possible_duplicate_in_order"),
        ]
        indexes = [models.Index(fields=["-seen_at"], condition=Q(outcome="open"), name="possible_duplicate_open")]

    def __str__(self) -> str:
        return f"{self.lead_id} and {self.other_id}"


class LeadMerge(models.Model):
    """One lead that was merged into another, with all that is needed to undo it."""

    kept = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="merges")
    merged_id = models.BigIntegerField(help_text="The id of the lead that is gone, which it gets back when undone.")
    kept_before = models.JSONField(help_text="The columns of the lead that stayed, as they were.")
    merged_before = models.JSONField(help_text="The columns of the lead that went.")
    filled = models.JSONField(default=dict, help_text="Column → value that this merge gave the lead that stayed.")
    moved = models.JSONField(default=dict, help_text="Table → ids of the rows that moved over.")
    dropped = models.JSONField(default=dict, help_text="Table → rows that had no place beside those that were there.")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.merged_id} into {self.kept_id}"
