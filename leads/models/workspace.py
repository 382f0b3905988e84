"""The one row that says who sends, in which zone, and where the thresholds lie."""

import secrets
import zoneinfo
from functools import cached_property

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from lifecycle.core import sql

CURRENCY = RegexValidator(r"^[A-Z]{3}$", "Write the three letters of ISO 4217: EUR, USD, GBP.")


def new_address_key() -> str:
    return secrets.token_hex(32)


def check_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"“{name}” is not a time zone; write one like Europe/Berlin.")


class Workspace(models.Model):
    """Settings that a marketer edits. There is exactly one row (id 1)."""

    name = models.CharField(max_length=120, default="Your Company", help_text="How the company signs its mail.")
    sender_name = models.CharField(max_length=120, blank=True, help_text="The person mails come from; empty: the name.")
    sender_email = models.EmailField(blank=True, help_text="Empty: DEFAULT_FROM_EMAIL of the installation.")
    postal_address = models.CharField(
        max_length=250,
        default="Your Company, 1 Example Street, 12345 Example City",
        help_text="In the footer of every marketing mail; the law asks for it.",
    )
    time_zone = models.CharField(max_length=64, default="UTC", validators=[check_zone])
    site_url = models.URLField(default="https://www.example.com", help_text="The company's website.")
    booking_url = models.URLField(default="https://calendly.com/your-company/demo", help_text="Where a demo is booked.")
    docs_url = models.URLField(default="https://docs.example.com")
    pricing_url = models.URLField(default="https://www.example.com/pricing")
    app_url = models.URLField(default="https://app.example.com", help_text="Where customers use the product.")

    warm_at = models.PositiveSmallIntegerField(default=31, help_text="A lead is warm from this score on.")
    hot_at = models.PositiveSmallIntegerField(default=80, help_text="A lead is hot from this score on.")
    intent_half_life_days = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(1)], help_text="Intent points halve in this many days."
    )
    currency = models.CharField(
        max_length=3, default="EUR", validators=[CURRENCY], help_text="Of amounts that come without one: EUR, USD …"
    )
    attribution_lookback_days = models.PositiveSmallIntegerField(
        default=90, help_text="Touches count for a conversion if they were at most so many days before it; 0: all do."
    )
    attribution_half_life_days = models.PositiveSmallIntegerField(
        default=7,
        validators=[MinValueValidator(1)],
        help_text="In the time-decay model a touch counts half as much for each so many days it lies back.",
    )
    cap_messages = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1)], help_text="Marketing mails a person gets at most …"
    )
    cap_days = models.PositiveSmallIntegerField(
        default=7, validators=[MinValueValidator(1), MaxValueValidator(90)], help_text="… in this many days."
    )
    quiet_from = models.TimeField(
        null=True, blank=True, help_text="No marketing mail from this hour on the person's clock … (empty: at any time)"
    )
    quiet_until = models.TimeField(null=True, blank=True, help_text="… until this one.")
    decisions_kept_days = models.PositiveSmallIntegerField(
        default=180,
        validators=[MinValueValidator(1)],
        help_text="How long the reasons of decisions are kept; results of mails stay.",
    )
    tier_most_acts = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1)], help_text="Most engaged: at least so many own acts …"
    )
    tier_most_days = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(1), MaxValueValidator(365)], help_text="… in this many days."
    )
    tier_engaged_days = models.PositiveSmallIntegerField(
        default=30,
        validators=[MinValueValidator(1)],
        help_text="Engaged: the last own act lies at most so many days back.",
    )
    tier_quiet_days = models.PositiveSmallIntegerField(
        default=90, validators=[MinValueValidator(2)], help_text="Quiet: at most so many days back; after that dormant."
    )
    renewal_from_months = models.PositiveSmallIntegerField(
        default=6,
        db_default=6,
        validators=[MinValueValidator(1), MaxValueValidator(36)],
        help_text="Renewal reminders are for what renews every so many months or less often; 1: every bill.",
    )
    tiers_built_for = models.CharField(
        max_length=40, default="", db_default="", editable=False, help_text="The thresholds that tiers follow."
    )
    tiers_built_to = models.BigIntegerField(
        null=True, editable=False, help_text="How far a pass over all leads has come; empty: none is under way."
    )
    customers_checked_to = models.BigIntegerField(
        null=True, editable=False, help_text="How far a check of all customers has come; empty: none is under way."
    )
    inbox_kept_days = models.PositiveSmallIntegerField(
        default=90,
        validators=[MinValueValidator(7)],
        help_text="How long the bodies of webhooks are kept after they were done.",
    )
    instance_id = models.UUIDField(
        null=True, editable=False, help_text="The installation that may send from this database."
    )
    address_key = models.CharField(
        max_length=64,
        default=new_address_key,
        editable=False,
        help_text="Key of the address hashes of suppressions. Never change it: opt-outs would be forgotten.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="workspace_is_one_row"),
            models.CheckConstraint(
                condition=models.Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="workspace_quiet_has_both_ends",
            ),
            models.CheckConstraint(condition=models.Q(hot_at__gt=models.F("warm_at")), name="workspace_hot_above_warm"),
            models.CheckConstraint(
                condition=models.Q(tier_quiet_days__gt=models.F("tier_engaged_days")),
                name="workspace_quiet_after_engaged",
            ),
        ]
        verbose_name = verbose_name_plural = "workspace"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if (self.quiet_from is None) != (self.quiet_until is None):
            missing = "quiet_until" if self.quiet_until is None else "quiet_from"
            raise ValidationError({missing: "Say when the quiet hours begin and when they end, or leave both empty."})
        if self.quiet_from is not None and self.quiet_from == self.quiet_until:
            raise ValidationError({"quiet_until": "The quiet hours end when they begin; leave both empty for none."})

    @classmethod
    def load(cls) -> "Workspace":
        """The row, made with its defaults when it is missing."""
        return sql.one(cls, "id = %b", [1]) or cls.objects.get_or_create(pk=1)[0]

    @cached_property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)
