"""Broadcasts and their sendings as the outside sees them."""

from rest_framework import serializers

from campaigns.models import Broadcast, BroadcastRun, Message


class BroadcastSerializer(serializers.Serializer[Broadcast]):
    slug = serializers.SlugField()
    name = serializers.CharField()
    description = serializers.CharField()
    status = serializers.ChoiceField(choices=Broadcast.Status.choices, help_text="Only a scheduled one goes out.")
    note = serializers.CharField(help_text="Why it stands still, if nobody said so by hand.")
    segment = serializers.SlugField(source="segment.slug", default=None, allow_null=True, help_text="Null: everybody.")
    send_at = serializers.DateTimeField(allow_null=True)
    crontab = serializers.CharField(
        source="crontab.human_readable", default=None, allow_null=True, help_text="In words; null if it is sent once."
    )


class CountsSerializer(serializers.Serializer[BroadcastRun]):
    """Recipients by state; a state that nobody is in is 0."""

    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]
        return {state: serializers.IntegerField(default=0) for state in [*Message.State.values, "held", "clicked"]}


class BroadcastRunSerializer(serializers.Serializer[BroadcastRun]):
    id = serializers.IntegerField()
    occurs_at = serializers.DateTimeField(help_text="The moment it was meant for.")
    state = serializers.ChoiceField(choices=BroadcastRun.State.choices)
    reason = serializers.CharField(help_text="Why it was stopped, missed or late.")
    recipients = serializers.IntegerField(help_text="Everybody who was to get it; each ends in exactly one state.")
    excluded = serializers.IntegerField(help_text="In the segment, but left out by an exclusion.")
    counts = CountsSerializer()
    counted_at = serializers.DateTimeField(allow_null=True, help_text="The counts are as of then.")
    winner = serializers.CharField(source="winner_key", help_text="The variant that the others got, if one was tried.")
    winner_reason = serializers.CharField()
    started_at = serializers.DateTimeField()
    done_at = serializers.DateTimeField(allow_null=True)
