from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from leads.models.lead import Lead, Stage
from leads.models.triggers import insert_only


class StageRule(models.Model):
    """Moves a lead along when its event happens (or, swept, when time has passed) and the condition holds."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=160)
    to = models.CharField(max_length=10, choices=Stage)
    from_stages = ArrayField(models.CharField(max_length=10, choices=Stage))
    event_kind = models.CharField(max_length=100, blank=True, help_text="Empty: checked whenever the lead changes.")
    where = models.JSONField(default=list, blank=True, help_text="Tests on the event's properties.")
    condition = models.JSONField(default=dict, blank=True, help_text="Further condition, in the rule language.")
    swept = models.BooleanField(
        default=False, help_text="Checked by the clock, for conditions that come true by waiting."
    )
    reason = models.CharField(max_length=200, help_text="Shown in the history: “Asked for a demo”.")
    position = models.PositiveSmallIntegerField(default=0, help_text="The first rule that fits wins.")
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "slug"]

    def __str__(self) -> str:
        return self.name


class StageChange(models.Model):
    """One move, with its reason, actor and event."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="stage_changes")
    before = models.CharField(max_length=10, choices=Stage)
    after = models.CharField(max_length=10, choices=Stage)
    reason = models.CharField(max_length=200)
    rule = models.ForeignKey(StageRule, null=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False
    )
    event = models.ForeignKey(
        "leads.Event", null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]
        triggers = insert_only(except_fields=("rule", "actor"))

    def __str__(self) -> str:
        return f"{self.before} → {self.after}: {self.reason}"
