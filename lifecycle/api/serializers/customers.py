"""What a lead bought and subscribes to."""

from typing import Any

from rest_framework import serializers

from lifecycle.api.serializers.fields import TimeField
from lifecycle.core import money
from lifecycle.customers.models import Purchase, Subscription


class AmountField(serializers.CharField):
    """An amount with the decimal places of its row's currency."""

    def get_attribute(self, row: Any) -> str | None:
        amount: Any = super().get_attribute(row)
        return None if amount is None else str(money.rounded(amount, row.currency))


class PurchaseSerializer(serializers.Serializer[Purchase]):
    """One payment, once, whichever system told of it."""

    id = serializers.IntegerField()
    order_id = serializers.CharField(source="key", help_text="Names the payment in events and conversions.")
    provider = serializers.CharField(help_text="Who told us first: stripe, api …")
    amount = AmountField(allow_null=True, help_text="In the currency's main unit: 99.00")
    refunded = AmountField(help_text="What went back of it.")
    currency = serializers.CharField(help_text="ISO 4217: EUR")
    products = serializers.ListField(child=serializers.DictField(), help_text="Name, reference, quantity, amount.")
    named_by = serializers.CharField(help_text="line_items, metadata, invoice or amount: how it was named.")
    audience_type = serializers.CharField()
    primary_audience = serializers.CharField()
    subscription = serializers.CharField(source="subscription.reference", default=None, allow_null=True)
    is_renewal = serializers.BooleanField(help_text="A further payment of a subscription.")
    purchased_at = TimeField()


class SubscriptionSerializer(serializers.Serializer[Subscription]):
    """A subscription as it is now."""

    id = serializers.IntegerField()
    reference = serializers.CharField(help_text="As its processor calls it: sub_…")
    provider = serializers.CharField()
    state = serializers.ChoiceField(choices=Subscription.State.choices)
    plan = serializers.CharField()
    products = serializers.ListField(child=serializers.DictField(), help_text="Name, reference, quantity.")
    amount = AmountField(allow_null=True, help_text="For one period; null where it depends on use.")
    currency = serializers.CharField()
    interval_months = serializers.IntegerField(help_text="Months from bill to bill; 0: shorter.")
    started_at = TimeField()
    trial_ends_at = TimeField(allow_null=True)
    renews_at = TimeField(allow_null=True, help_text="None once it is to end.")
    ends_at = TimeField(allow_null=True, help_text="When it will end or did.")
