from django.db import models
from django.db.models import Q

from leads.models.lead import Lead
from leads.models.triggers import insert_only


class Conversion(models.Model):
    """What all the marketing was for, as one fact: each stage, booking, deal and payment once. Insert-only.

    A refund is a row of its own with a negative amount that names the payment it takes back.
    """

    class Kind(models.TextChoices):
        MQL = "mql", "Became MQL"
        SQL = "sql", "Became SQL"
        BOOKING = "booking", "Demo booked"
        DEAL = "deal", "Deal won"
        PURCHASE = "purchase", "Purchase"

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="conversions", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    key = models.CharField(max_length=200, help_text="Names the fact within its kind: the order, the deal, the move.")
    amount = models.DecimalField(
        max_digits=16, decimal_places=3, null=True, help_text="In the currency's main unit; negative takes back."
    )
    currency = models.CharField(max_length=3, blank=True, help_text="ISO 4217: EUR")
    refund_of = models.ForeignKey(
        "self", null=True, on_delete=models.DO_NOTHING, related_name="refunds", db_index=False, db_constraint=False
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
                condition=Q(amount__isnull=True) | ~Q(currency=""), name="conversion_amount_has_currency"
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "occurred_at"], name="conversion_report"),
            models.Index(fields=["lead", "occurred_at"], name="conversion_of_lead"),
        ]
        triggers = insert_only()

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
