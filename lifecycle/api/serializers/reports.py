"""Reports as the outside sees them."""

from rest_framework import serializers


class ArmSerializer(serializers.Serializer[object]):
    key = serializers.CharField()
    people = serializers.IntegerField()
    conversions = serializers.IntegerField(help_text="How many of them did what counts, in time.")
    rate = serializers.FloatField(help_text="From 0 to 1.")
    low = serializers.FloatField(help_text="The true rate lies between low and high with 95 % confidence.")
    high = serializers.FloatField()
    missing = serializers.IntegerField(help_text="People still needed before it is judged.")


class ComparisonSerializer(serializers.Serializer[object]):
    difference = serializers.FloatField(help_text="Of the rates, the better minus the other.")
    low = serializers.FloatField()
    high = serializers.FloatField()
    p = serializers.FloatField(help_text="Of the pooled two-proportion test, two-sided.")


class ExperimentSerializer(serializers.Serializer[object]):
    sequence = serializers.SlugField()
    step = serializers.CharField()
    goal = serializers.CharField(help_text="The event that counts.")
    within_seconds = serializers.SerializerMethodField(help_text="How long after the mail it counts.")
    minimum_sample = serializers.IntegerField(help_text="People per variant, set in advance.")
    auto_promote = serializers.BooleanField()
    state = serializers.ChoiceField(choices=["running", "decided"])
    started_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    winner = serializers.CharField(help_text="Empty: not judged yet, or no difference shown.")
    promoted = serializers.CharField(help_text="The variant that new people get; empty: shared out by weight.")
    verdict = serializers.CharField()
    arms = ArmSerializer(many=True)
    comparison = ComparisonSerializer(allow_null=True, help_text="Null until it is judged.")

    def get_within_seconds(self, report: object) -> int:
        return int(report.within.total_seconds())  # type: ignore[attr-defined]


class HoldoutSerializer(serializers.Serializer[object]):
    sequence = serializers.SlugField()
    percent = serializers.IntegerField(help_text="Share of new people held out now.")
    treated = ArmSerializer()
    held_out = ArmSerializer()
    comparison = ComparisonSerializer(help_text="Treated minus held out.")
    verdict = serializers.CharField()


class ExperimentsSerializer(serializers.Serializer[object]):
    experiments = ExperimentSerializer(many=True)
    holdouts = HoldoutSerializer(many=True)
