"""Sequences as the outside sees them, and what may be sent to enrol somebody."""

from rest_framework import serializers

from campaigns.models import Sequence
from leads.models import Segment


class SequenceSerializer(serializers.Serializer[Sequence]):
    slug = serializers.SlugField()
    name = serializers.CharField()
    description = serializers.CharField()
    status = serializers.ChoiceField(choices=Sequence.Status.choices, help_text="Only a live one takes people in.")
    group = serializers.SlugField(
        source="group.slug", default=None, allow_null=True, help_text="A person is in one of a group."
    )
    priority = serializers.IntegerField(help_text="Higher wins inside the group.")
    version = serializers.IntegerField(source="current_version.number", default=None, allow_null=True)


class SegmentSerializer(serializers.Serializer[Segment]):
    slug = serializers.SlugField()
    name = serializers.CharField()
    description = serializers.CharField()
    rule = serializers.DictField(help_text="In the rule language.")
    is_active = serializers.BooleanField()
    member_count = serializers.IntegerField(help_text="As counted at the last tick.")


class RuleSerializer(serializers.Serializer[object]):
    rule = serializers.DictField(help_text="In the rule language; {} holds for everyone.")


class PersonSerializer(serializers.Serializer[object]):
    id = serializers.IntegerField(source="lead_id")
    email = serializers.CharField()
    name = serializers.CharField()
    stage = serializers.CharField()
    score = serializers.IntegerField()
    why = serializers.ListField(child=serializers.CharField(), help_text="The tests that hold, with what they saw.")


class PreviewSerializer(serializers.Serializer[object]):
    sentence = serializers.CharField(help_text="The rule in English.")
    count = serializers.IntegerField()
    is_exact = serializers.BooleanField(help_text="False: an estimate, as counting takes more than a second.")
    people = PersonSerializer(many=True, help_text="Up to ten, the newest first.")


class EnrollSerializer(serializers.Serializer[object]):
    email = serializers.CharField(help_text="A person who is not known yet becomes a lead.")
    key = serializers.CharField(
        max_length=120, default="", allow_blank=True, help_text="Business id: an order. Usually empty."
    )
    context = serializers.DictField(default=dict, help_text="What the mails may name as `event.…`.")  # type: ignore[assignment]


class EnrolledSerializer(serializers.Serializer[object]):
    result = serializers.ChoiceField(choices=["enrolled", "merged", "already_active", "refused"])
    reason = serializers.CharField(
        help_text="Why it was not a plain enrolment; empty if it was. `restarted`: another run ended for it. "
        "“filter: … (tried again until …)”: refused for now."
    )
    enrollment_id = serializers.IntegerField(allow_null=True)
