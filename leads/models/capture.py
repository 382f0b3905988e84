"""Doors for people: forms, what they sent, and the table that turns an organisation into an audience."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models

from leads.models.event import KIND
from leads.models.lead import AudienceType, Lead
from leads.models.touch import Touch


class Magnet(models.Model):
    """A file that people get for their address, behind signed links that expire."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=160, help_text="What people read on the button: The launch checklist (PDF)")
    description = models.TextField(blank=True)
    file = models.FileField(upload_to="magnets/", max_length=300)
    file_name = models.CharField(max_length=200, blank=True, help_text="What it is called when saved; empty: as now.")
    event_kind = models.CharField(
        max_length=100,
        default="magnet.downloaded",
        validators=[KIND],
        help_text="What a download is in the log; docs.downloaded makes an MQL and starts the API deep dive.",
    )
    link_days = models.PositiveSmallIntegerField(
        default=14, validators=[MinValueValidator(1)], help_text="A link works for so many days."
    )
    downloads = models.PositiveIntegerField(default=0, editable=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = "lead magnet"

    def __str__(self) -> str:
        return self.name


class Form(models.Model):
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    title = models.CharField(max_length=160, blank=True, help_text="Above the hosted form; empty: the name.")
    intro = models.TextField(blank=True, help_text="A sentence or two under the title.")
    button = models.CharField(max_length=60, default="Send", help_text="What the button says: Get the checklist")
    fields = models.JSONField(
        default=list,
        help_text="List of {name, label, type, required, options, help, placeholder, default, show_if …}. The e-mail "
        "is always asked.",
    )
    magnet = models.ForeignKey(
        Magnet, null=True, blank=True, on_delete=models.PROTECT, help_text="What people get for filling it in."
    )
    double_opt_in = models.BooleanField(
        default=False, help_text="Nothing starts until the person confirms the address by a link in a mail."
    )
    allowed_origins = ArrayField(
        models.CharField(max_length=200),
        default=list,
        blank=True,
        help_text="Websites that may post it: https://www.example.com. Empty: any that FORM_ORIGINS allows.",
    )
    min_seconds = models.PositiveSmallIntegerField(
        default=2, help_text="A post sooner than this after the form was shown is a robot's; 0: never asked."
    )
    require_render_time = models.BooleanField(
        default=False, help_text="Refuse posts without our signed time. Only for hosted and iframe forms."
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
    page_variant = models.ForeignKey(
        "leads.PageVariant",
        null=True,
        on_delete=models.SET_NULL,
        related_name="submissions",
        db_index=False,
        help_text="The landing page it came from, as the person saw it.",
    )
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


class Confirmation(models.Model):
    """A post of a double-opt-in form that waits for the person's click; what it starts, it starts then."""

    submission = models.OneToOneField(Submission, on_delete=models.CASCADE, related_name="confirmation")
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="confirmations", db_index=False)
    requested_at = models.DateTimeField()
    mailed_at = models.DateTimeField(null=True, help_text="Empty when a mail of the same day was enough.")
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["lead", "-requested_at"], name="confirmation_of_lead")]

    def __str__(self) -> str:
        return f"{self.submission_id} {'confirmed' if self.confirmed_at else 'waiting'}"


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
