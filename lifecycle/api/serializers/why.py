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
        choices=["score", "stage", "mail"], default="score", help_text="Why this score, this stage, this mail?"
    )
    sequence = serializers.SlugField(required=False, help_text="For a mail: its sequence.")
    mail = serializers.CharField(
        default="1", max_length=60, help_text="For a mail: its number in the sequence, or its step's name."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["about"] == "mail" and not attrs.get("sequence"):
            raise serializers.ValidationError({"sequence": ["Name the sequence of the mail."]})
        return attrs


class PlannedSerializer(serializers.Serializer[Any]):
    """Something to come, if nothing more happens."""

    sequence = serializers.CharField()
    step = serializers.CharField(source="step_key")
    what = serializers.ChoiceField(choices=["mail", "wait", "end"])
    name = serializers.CharField(help_text="The mail's name.")
    at = TimeField()
    why = serializers.CharField()


class PlanSerializer(serializers.Serializer[Any]):
    planned = PlannedSerializer(many=True)
