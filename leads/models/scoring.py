"""Score rules and the ledger. The cached scores of a lead always equal the sum of its ledger."""

from django.db import models

from leads.models.lead import Lead
from leads.models.triggers import insert_only


class Dimension(models.TextChoices):
    FIT = "fit", "Fit"
    INTENT = "intent", "Intent"


class ScoreGroup(models.Model):
    """Rules whose points together never exceed a cap."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    dimension = models.CharField(max_length=6, choices=Dimension)
    cap = models.PositiveSmallIntegerField(help_text="The most points the rules of this group give together.")

    class Meta:
        ordering = ["dimension", "slug"]

    def __str__(self) -> str:
        return f"{self.name} (≤ {self.cap})"


class ScoreRule(models.Model):
    """Fit: points while `condition` holds. Intent: points each time `event_kind` happens and `condition` holds."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=160, help_text="Reads as a reason: “Viewed the pricing page”.")
    group = models.ForeignKey(ScoreGroup, on_delete=models.PROTECT, related_name="rules")
    points = models.SmallIntegerField()
    event_kind = models.CharField(max_length=100, blank=True, help_text="Intent only: the event that gives the points.")
    where = models.JSONField(default=list, blank=True, help_text="Tests on the event's properties.")
    condition = models.JSONField(default=dict, blank=True, help_text="Further condition, in the rule language.")
    limit_times = models.PositiveSmallIntegerField(null=True, blank=True, help_text="At most so many times …")
    limit_days = models.PositiveSmallIntegerField(null=True, blank=True, help_text="… in so many days.")
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["group", "-points", "slug"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(limit_times__isnull=True, limit_days__isnull=True)
                | models.Q(limit_times__isnull=False, limit_days__isnull=False),
                name="score_rule_limit_is_whole",
            )
        ]

    def __str__(self) -> str:
        return self.name


class ScoreEntry(models.Model):
    """One line of the ledger: these points, by this rule, for this event. Decay has neither rule nor event."""

    class Reason(models.TextChoices):
        RULE = "rule", "Rule"
        DECAY = "decay", "Decay"
        RESCORE = "rescore", "Rescored"

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="score_entries", db_index=False)
    dimension = models.CharField(max_length=6, choices=Dimension)
    reason = models.CharField(max_length=8, choices=Reason, default=Reason.RULE)
    rule = models.ForeignKey(ScoreRule, null=True, on_delete=models.PROTECT, related_name="entries", db_index=False)
    event = models.ForeignKey(
        "leads.Event", null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    points = models.SmallIntegerField()
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "score entries"
        indexes = [models.Index(fields=["lead", "at", "id"], name="score_ledger_of_lead")]
        triggers = insert_only()

    def __str__(self) -> str:
        return f"{self.points:+d} {self.rule or self.get_reason_display()}"
