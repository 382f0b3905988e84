"""The append-only log of everything that happens to a person, and the queue of what is not yet processed."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from leads.models.triggers import insert_only, write_once

KIND = RegexValidator(
    r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$", "Write a dotted past-tense name in lower case: pricing.viewed"
)


class Event(models.Model):
    """One fact. Never changed; only an anonymous visitor's event gets its lead, once."""

    lead = models.ForeignKey("leads.Lead", null=True, on_delete=models.CASCADE, related_name="events", db_index=False)
    visitor = models.ForeignKey(
        "leads.Visitor", null=True, on_delete=models.CASCADE, related_name="events", db_index=False
    )
    kind = models.CharField(max_length=100, help_text="Dotted past tense: pricing.viewed")
    properties = models.JSONField(default=dict)
    occurred_at = models.DateTimeField(help_text="When it happened, by the sender's corrected clock.")
    recorded_at = models.DateTimeField(help_text="When we committed it.")
    source = models.CharField(max_length=60, help_text="Who told us: form, api, engine, calendly …")
    key = models.CharField(max_length=200, help_text="Unique within the source: the same fact twice is one row.")
    depth = models.PositiveSmallIntegerField(default=0, help_text="0 from outside; +1 for each event that caused it.")
    lineage = ArrayField(
        models.CharField(max_length=80), null=True, help_text="Who caused it by own action: sequence:cold-track."
    )
    cause = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="+", db_index=False, db_constraint=False
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "key"], name="event_once_per_source_key")]
        indexes = [
            models.Index(fields=["lead", "kind", "occurred_at"], name="event_facts_of_lead"),
            models.Index(fields=["lead", "-occurred_at", "-id"], name="event_timeline_of_lead"),
            models.Index(fields=["visitor"], condition=Q(visitor__isnull=False), name="event_of_visitor"),
            models.Index(fields=["recorded_at"], condition=Q(kind="tier.changed"), name="event_tier_moves"),
        ]
        triggers = [*insert_only(except_fields=("lead",)), write_once("lead_id")]

    def __str__(self) -> str:
        return f"{self.kind} at {self.occurred_at:%Y-%m-%d %H:%M}"


class PendingEvent(models.Model):
    """An event whose effects are not applied yet. The row goes away in the transaction that applies them."""

    event = models.OneToOneField(Event, primary_key=True, on_delete=models.CASCADE, related_name="pending")
    lead = models.ForeignKey("leads.Lead", on_delete=models.CASCADE, related_name="+", db_index=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True, help_text="The last failure's traceback.")
    dead_at = models.DateTimeField(null=True, blank=True, help_text="Set after five failures; replay it when mended.")

    class Meta:
        indexes = [
            models.Index(fields=["lead"], condition=Q(dead_at__isnull=True), name="pending_alive_by_lead"),
            models.Index(fields=["dead_at"], condition=Q(dead_at__isnull=False), name="pending_dead"),
        ]

    def __str__(self) -> str:
        return f"pending {self.event_id}"


class EventName(models.Model):
    """A name as a tracking client sends it, and the kind it means here. Edited by marketers."""

    name = models.CharField(max_length=120, unique=True, help_text="As sent: VIEWED_PRICING or “Pricing Viewed”.")
    kind = models.CharField(max_length=100, validators=[KIND], help_text="Our kind: pricing.viewed")

    class Meta:
        ordering = ["kind", "name"]
        verbose_name = "event name"

    def __str__(self) -> str:
        return f"{self.name} → {self.kind}"


class PageRule(models.Model):
    """A page of the website that means something: a view of /pricing is pricing.viewed. The first that fits counts."""

    position = models.PositiveSmallIntegerField(default=100, help_text="Lower comes first.")
    pattern = models.CharField(
        max_length=200, help_text="A path, * stands for anything: /pricing* · or with its host: docs.example.com/*"
    )
    kind = models.CharField(max_length=100, validators=[KIND], help_text="Our kind: pricing.viewed")
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["pattern"], name="page_rule_once_per_pattern")]

    def __str__(self) -> str:
        return f"{self.pattern} → {self.kind}"
