"""Answers to “why?”, and what is planned."""

from typing import Any

from rest_framework import serializers

from lifecycle.api.serializers.fields import TimeField


class ReasonSerializer(serializers.Serializer[Any]):
    """One reason, in a sentence."""

    at = TimeField(allow_null=True, help_text="When it was decided; null for what always holds.")
    check_name = serializers.CharField(source="check", help_text="What decided: cap, window, filter, exit …")
    outcome = serializers.CharField(help_text="What came of it: deferred, enrolled, passed …")
    text = serializers.CharField()


class AnswerSerializer(serializers.Serializer[Any]):
    question = serializers.CharField()
    answer = serializers.CharField(source="short")
    because = ReasonSerializer(many=True)


class WhyQuerySerializer(serializers.Serializer[Any]):
    about = serializers.ChoiceField(
        choices=["score", "stage", "mail", "broadcast"],
        default="score",
        help_text="Why this score, this stage, this mail of a sequence, this broadcast?",
    )
    sequence = serializers.SlugField(required=False, help_text="For a mail: its sequence.")
    mail = serializers.CharField(
        default="1", max_length=60, help_text="For a mail: its number in the sequence, or its step's name."
    )

    broadcast = serializers.SlugField(required=False, help_text="For a broadcast: its slug.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["about"] == "mail" and not attrs.get("sequence"):
            raise serializers.ValidationError({"sequence": ["Name the sequence of the mail."]})
        if attrs["about"] == "broadcast" and not attrs.get("broadcast"):
            raise serializers.ValidationError({"broadcast": ["Name the broadcast."]})
        return attrs


class PlannedSerializer(serializers.Serializer[Any]):
    """Something to come, if nothing more happens."""

    sequence = serializers.CharField(help_text="The name of the sequence, or of the broadcast.")
    step = serializers.CharField(source="step_key", help_text="Empty for a mail of no sequence.")
    what = serializers.ChoiceField(choices=["mail", "wait", "end"])
    name = serializers.CharField(help_text="The mail's name.")
    at = TimeField()
    why = serializers.CharField()


class PlanSerializer(serializers.Serializer[Any]):
    planned = PlannedSerializer(many=True)
