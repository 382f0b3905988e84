"""The attribution report as the outside sees it."""

from typing import Any

from rest_framework import serializers

from lifecycle.api.serializers.fields import TimeField
from lifecycle.reports.attribution import ASKED, DIMENSIONS, MODELS


class CreditSerializer(serializers.Serializer[Any]):
    amount = serializers.CharField(allow_null=True, help_text="In the row's currency; null where nothing was paid.")
    conversions = serializers.CharField(help_text="Conversions, or the part of one, to six decimal places.")


class CreditsSerializer(serializers.Serializer[Any]):
    """By model; only those that were asked for are there."""

    first = CreditSerializer(required=False)
    last = CreditSerializer(required=False)
    linear = CreditSerializer(required=False)
    position = CreditSerializer(required=False)
    w_shaped = CreditSerializer(required=False)
    time_decay = CreditSerializer(required=False)


class RowSerializer(serializers.Serializer[Any]):
    value = serializers.CharField(allow_null=True, help_text="Null: no touch led there; “” has none of that dimension.")
    label = serializers.CharField()  # type: ignore[assignment]  # a field of ours, not the name of one
    currency = serializers.CharField(help_text="“” for conversions without an amount.")
    credits = CreditsSerializer()


class TotalSerializer(serializers.Serializer[Any]):
    """Of all conversions in one currency; the credits of every model sum to `net` and to `conversions`."""

    currency = serializers.CharField()
    conversions = serializers.IntegerField()
    paid = serializers.CharField(allow_null=True)
    refunded = serializers.CharField(allow_null=True)
    net = serializers.CharField(allow_null=True)


class SettingsSerializer(serializers.Serializer[Any]):
    conversion = serializers.ChoiceField(choices=list(ASKED.items()))
    by = serializers.ChoiceField(choices=[(name, each.label) for name, each in DIMENSIONS.items()])
    models = serializers.ListField(
        child=serializers.ChoiceField(choices=[(name, each.label) for name, each in MODELS.items()])
    )
    vars()["from"] = TimeField(allow_null=True, help_text="The conversions happened from then on …")
    to = TimeField(allow_null=True, help_text="… and before then.")
    currency = serializers.CharField()
    lookback_days = serializers.IntegerField(allow_null=True, help_text="Null: touches of any age count.")
    half_life_days = serializers.IntegerField(help_text="Of the time-decay model.")
    direct = serializers.ChoiceField(choices=["count", "skip"])
    audience_type = serializers.CharField()
    primary_audience = serializers.CharField()


class AttributionSerializer(serializers.Serializer[Any]):
    settings = SettingsSerializer()
    totals = TotalSerializer(many=True)
    rows = RowSerializer(many=True)
    notes = serializers.ListField(child=serializers.CharField(), help_text="What could not be counted, in sentences.")
