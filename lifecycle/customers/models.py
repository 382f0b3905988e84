"""What customers bought, subscribe to and are billed for: facts, whichever system tells of them."""

from django.db import models
from django.db.models import Q

from leads.models import Lead
from leads.models.lead import AudienceType


class Product(models.Model):
    """What is sold, and whom it is made for. What billing calls it is matched by its references or its name."""

    name = models.CharField(max_length=160, unique=True)
    references = models.JSONField(
        default=list, blank=True, help_text='What billing calls it: ["prod_123", "price_456", "SKU-1"]'
    )
    audience_type = models.CharField(max_length=3, choices=AudienceType, blank=True)
    primary_audience = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class LeavingReason(models.Model):
    """A reason for leaving, as the mail offers it and the page thanks for it."""

    class WayBack(models.TextChoices):
        NONE = "", "None"
        BOOKING = "booking", "Talk to somebody (the booking page)"
        PRICING = "pricing", "Choose a plan (the page of prices)"
        APP = "app", "Sign in again (the product)"

    slug = models.SlugField(
        max_length=60, unique=True, help_text="Rules and mails read it as attributes.churn_reason. Leave it as it is."
    )
    label = models.CharField(max_length=120, help_text="In their words: “It cost more than it gave us”.")
    reply = models.CharField(max_length=300, blank=True, help_text="What the page that thanks them says to it.")
    way_back = models.CharField(max_length=8, choices=WayBack, blank=True, help_text="Where its button leads.")
    position = models.PositiveSmallIntegerField(default=100, help_text="The smallest stands first.")
    is_active = models.BooleanField(default=True, help_text="Off: it is not offered any more; old answers stay.")

    class Meta:
        ordering = ["position", "slug"]
        verbose_name, verbose_name_plural = "reason for leaving", "reasons for leaving"

    def __str__(self) -> str:
        return self.label


class BillingAccount(models.Model):
    """A customer as a payment processor knows them, and who that is."""

    provider = models.CharField(max_length=30)
    reference = models.CharField(max_length=120, help_text="cus_…")
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="billing_accounts")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "reference"], name="billing_account_once")]

    def __str__(self) -> str:
        return self.reference


class Subscription(models.Model):
    """A subscription as it is now. `told_at` is the sender's time of the newest telling; older ones change nothing."""

    class State(models.TextChoices):
        TRIAL = "trial", "Trial"
        ACTIVE = "active", "Active"
        PAST_DUE = "past_due", "Payment failed"
        ENDED = "ended", "Ended"

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="subscriptions")
    provider = models.CharField(max_length=30)
    reference = models.CharField(max_length=120, help_text="sub_…")
    state = models.CharField(max_length=8, choices=State)
    plan = models.CharField(max_length=200, blank=True, help_text="What is subscribed to, in words.")
    products = models.JSONField(default=list, help_text="[{name, reference, quantity}]")
    quantity = models.PositiveIntegerField(default=1)
    amount = models.DecimalField(
        max_digits=16, decimal_places=3, null=True, help_text="For one period, in the currency's main unit."
    )
    currency = models.CharField(max_length=3, blank=True)
    interval_months = models.PositiveSmallIntegerField(default=0, help_text="Months from bill to bill; 0: shorter.")
    started_at = models.DateTimeField()
    trial_ends_at = models.DateTimeField(null=True)
    renews_at = models.DateTimeField(null=True, help_text="End of the paid period; none once it is to end.")
    ends_at = models.DateTimeField(null=True, help_text="When it will end or did, if that is settled.")
    ended_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "reference"], name="subscription_once"),
            models.CheckConstraint(
                condition=Q(state="ended", ended_at__isnull=False) | (~Q(state="ended") & Q(ended_at__isnull=True)),
                name="subscription_end_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["renews_at"], condition=~Q(state="ended"), name="subscription_by_renewal"),
            models.Index(fields=["lead", "state"], name="subscription_of_lead"),
        ]

    def __str__(self) -> str:
        return f"{self.plan or self.reference}"


class Invoice(models.Model):
    """A bill: when it was paid, or how often that failed."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        FAILED = "failed", "Payment failed"
        PAID = "paid", "Paid"
        GIVEN_UP = "given_up", "Given up"

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="invoices")
    subscription = models.ForeignKey(
        Subscription, null=True, blank=True, on_delete=models.SET_NULL, related_name="invoices"
    )
    provider = models.CharField(max_length=30)
    reference = models.CharField(max_length=120, help_text="in_…")
    state = models.CharField(max_length=8, choices=State)
    amount = models.DecimalField(max_digits=16, decimal_places=3, null=True)
    currency = models.CharField(max_length=3, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often paying it failed.")
    next_attempt_at = models.DateTimeField(null=True)
    pay_url = models.URLField(max_length=500, blank=True, help_text="Where the customer can pay it.")
    issued_at = models.DateTimeField()
    failed_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField()

    class Meta:
        ordering = ["-issued_at"]
        constraints = [models.UniqueConstraint(fields=["provider", "reference"], name="invoice_once")]
        indexes = [models.Index(fields=["lead", "-issued_at"], name="invoice_of_lead")]

    def __str__(self) -> str:
        return self.reference


class Purchase(models.Model):
    """One payment, once, whichever of its objects (session, invoice, charge) told of it."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="purchases", db_index=False)
    provider = models.CharField(max_length=30, help_text="stripe, or who told: api, import")
    key = models.CharField(max_length=200, help_text="The order_id of its events and of its conversion.")
    amount = models.DecimalField(max_digits=16, decimal_places=3, null=True)
    currency = models.CharField(max_length=3, blank=True)
    refunded = models.DecimalField(max_digits=16, decimal_places=3, default=0)
    products = models.JSONField(default=list, help_text="[{name, reference, quantity, amount}]")
    named_by = models.CharField(
        max_length=20, blank=True, help_text="line_items, metadata, or amount: how it was named."
    )
    audience_type = models.CharField(max_length=3, choices=AudienceType, blank=True)
    primary_audience = models.CharField(max_length=120, blank=True)
    subscription = models.ForeignKey(
        Subscription, null=True, blank=True, on_delete=models.SET_NULL, related_name="purchases"
    )
    invoice = models.ForeignKey(Invoice, null=True, blank=True, on_delete=models.SET_NULL, related_name="purchases")
    is_renewal = models.BooleanField(default=False, db_default=False)
    purchased_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["-purchased_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["provider", "key"], name="purchase_once")]
        indexes = [models.Index(fields=["lead", "-purchased_at"], name="purchase_of_lead")]

    def __str__(self) -> str:
        return self.key


class PurchaseReference(models.Model):
    """A name under which a processor speaks of a payment: cs_…, pi_…, in_…, ch_…"""

    provider = models.CharField(max_length=30)
    reference = models.CharField(max_length=200)
    purchase = models.ForeignKey(Purchase, on_delete=models.CASCADE, related_name="names")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "reference"], name="purchase_reference_once")]

    def __str__(self) -> str:
        return self.reference


class Refund(models.Model):
    """Money that went back. Once a refund, whatever tells of it; with `failed_at` it did not go back after all.

    A payment's running total is a row for each telling of it.
    """

    purchase = models.ForeignKey(Purchase, on_delete=models.CASCADE, related_name="refunds")
    key = models.CharField(
        max_length=200, help_text="re_…; of a payment's running total: its charge and when it was told."
    )
    amount = models.DecimalField(max_digits=16, decimal_places=3)
    refunded_at = models.DateTimeField()
    failed_at = models.DateTimeField(null=True, help_text="When the bank would not take it, or it was canceled.")

    class Meta:
        ordering = ["-refunded_at"]
        constraints = [models.UniqueConstraint(fields=["purchase", "key"], name="refund_once")]

    def __str__(self) -> str:
        return self.key
