from django.db import models
from django.db.models import Q

from leads.models.lead import Lead
from leads.models.triggers import insert_only, write_once

# What changes a payment afterwards, and may take its currency.
OF_PAYMENTS = ("refund", "reversal")


class Conversion(models.Model):
    """What all the marketing was for, as one fact: each stage, booking, deal, payment and refund once.

    Insert-only; only an amount that nobody had told may be filled in, once. A refund is a row of its own with a
    negative amount (none: all that is left) that names its payment, which may come later. One that failed after it
    was counted stays, and a reversal of the same payment gives its amount back.
    """

    class Kind(models.TextChoices):
        MQL = "mql", "Became MQL"
        SQL = "sql", "Became SQL"
        BOOKING = "booking", "Demo booked"
        DEAL = "deal", "Deal won"
        PURCHASE = "purchase", "Purchase"
        REFUND = "refund", "Refund"
        REVERSAL = "reversal", "Failed refund"

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="conversions", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    key = models.CharField(max_length=200, help_text="Names the fact within its kind: the order, the deal, the lead.")
    amount = models.DecimalField(
        max_digits=16, decimal_places=3, null=True, help_text="In the currency's main unit; negative takes back."
    )
    currency = models.CharField(max_length=3, blank=True, help_text="ISO 4217: EUR")
    payment = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="Of a refund or its reversal: the key of the purchase that it takes back.",
    )
    event = models.ForeignKey(
        "leads.Event", null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], name="conversion_once"),
            models.CheckConstraint(
                condition=Q(amount__isnull=True) | ~Q(currency="") | Q(kind__in=OF_PAYMENTS),
                name="conversion_amount_has_currency",
            ),
            models.CheckConstraint(
                condition=Q(amount__isnull=True)
                | Q(kind="refund", amount__lte=0)
                | (~Q(kind="refund") & Q(amount__gte=0)),
                name="conversion_only_refunds_take_back",
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "occurred_at"], name="conversion_report"),
            models.Index(fields=["lead", "occurred_at"], name="conversion_of_lead"),
            models.Index(fields=["payment"], condition=Q(kind__in=OF_PAYMENTS), name="conversion_refunds_of"),
        ]
        triggers = [
            *insert_only(except_fields=("amount", "currency")),
            write_once("amount"),
            write_once("currency", empty=""),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.key}"
