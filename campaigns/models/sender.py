"""How fast a sender account may send, and the days on which marketing rests."""

from django.core.validators import MinValueValidator
from django.db import models


class SenderAccount(models.Model):
    """A token bucket per account of a mail provider, shared by all workers."""

    name = models.CharField(max_length=120, unique=True, help_text="The provider, or the mail server's host.")
    per_second = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.001)],
        help_text="Mails a second. Empty: no limit of ours.",
    )
    burst = models.PositiveIntegerField(
        default=100, validators=[MinValueValidator(1)], help_text="So many at once after a rest."
    )
    tokens = models.FloatField(default=0, editable=False)
    refilled_at = models.DateTimeField(null=True, editable=False)
    booked_until = models.DateTimeField(
        null=True, editable=False, help_text="A backlog has its turns up to here; who comes later is after it."
    )
    blocked_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="The provider asked us to wait (Retry-After)."
    )
    blocked_reason = models.CharField(max_length=250, blank=True, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = "sender account"

    def __str__(self) -> str:
        return self.name


class Holiday(models.Model):
    """A day on which mails whose window skips holidays do not leave."""

    day = models.DateField()
    name = models.CharField(max_length=120)
    country = models.CharField(
        max_length=2, blank=True, help_text="Two letters, for people of this country. Empty: for everybody."
    )

    class Meta:
        ordering = ["day", "country"]
        constraints = [models.UniqueConstraint(fields=["day", "country"], name="holiday_once_per_country")]

    def __str__(self) -> str:
        return self.name
