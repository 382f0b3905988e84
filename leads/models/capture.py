"""Doors for people: forms, what they sent, and the table that turns an organisation into an audience."""

from django.db import models

from leads.models.lead import AudienceType, Lead
from leads.models.touch import Touch


class Form(models.Model):
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    fields = models.JSONField(
        default=list, help_text="List of {name, label, type, required, options, help}. The e-mail is always asked."
    )
    thank_you = models.JSONField(default=dict, blank=True, help_text="{title, body, next_steps: [{label, url}]}")
    thank_you_url = models.URLField(blank=True, help_text="Empty: our own thank-you page.")
    consent_text = models.TextField(blank=True, help_text="Shown beside the button and stored as proof of consent.")
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name


class Submission(models.Model):
    """What a person sent through a form, word for word."""

    form = models.ForeignKey(Form, on_delete=models.PROTECT, related_name="submissions")
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="submissions", db_index=False)
    touch = models.ForeignKey(Touch, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    data = models.JSONField(default=dict)
    body_hash = models.CharField(max_length=64, help_text="Of the data: the same post twice within a minute is one.")
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["form", "idempotency_key"], name="submission_once_per_idempotency_key")
        ]
        indexes = [models.Index(fields=["lead", "-received_at"], name="submission_of_lead")]

    def __str__(self) -> str:
        return f"{self.form_id} at {self.received_at:%Y-%m-%d %H:%M}"


class Audience(models.Model):
    """Organisation type → B2B or B2C, and the primary audience that follows the lead everywhere."""

    organization_type = models.CharField(max_length=120, unique=True, help_text="As offered in the form.")
    audience_type = models.CharField(max_length=3, choices=AudienceType)
    primary_audience = models.CharField(max_length=120)

    class Meta:
        ordering = ["organization_type"]
        verbose_name = "audience mapping"

    def __str__(self) -> str:
        return f"{self.organization_type} → {self.primary_audience}"
