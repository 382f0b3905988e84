"""What happened to a lead: events, points, mails, runs through sequences."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from campaigns.models import Enrollment, Message, MessageClass
from leads.models import Event, ScoreEntry
from leads.models.lead import Temperature
from leads.models.scoring import Dimension
from lifecycle.api.serializers.fields import TimeField
from lifecycle.sales.models import Meeting


class EventSerializer(serializers.Serializer[Event]):
    """A fact of the log."""

    id = serializers.IntegerField()
    kind = serializers.CharField(help_text="Dotted past tense: pricing.viewed.")
    properties = serializers.DictField()
    occurred_at = TimeField(help_text="When it happened.")
    recorded_at = TimeField(help_text="When it was stored.")
    source = serializers.CharField(help_text="Who told us: form, api, engine, calendly …")  # type: ignore[assignment]
    key = serializers.CharField(help_text="Unique within the source.")


class NewEventSerializer(serializers.Serializer[Event]):
    """Something that a lead did."""

    kind = serializers.CharField(
        help_text="pricing.viewed, or the name a tracking client uses, such as VIEWED_PRICING."
    )
    properties = serializers.DictField(default=dict, help_text="At most 32 KB.")
    occurred_at = TimeField(default=None, allow_null=True, help_text="When it happened; now if left out.")
    key = serializers.CharField(
        default=None, allow_null=True, max_length=200, help_text="Names the event: the same key again changes nothing."
    )


class MeetingSerializer(serializers.Serializer[Meeting]):
    """A booked time. Moved to another time it is another meeting."""

    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=Meeting.State.choices)
    event_name = serializers.CharField()
    starts_at = TimeField(allow_null=True)
    ends_at = TimeField(allow_null=True)
    time_zone = serializers.CharField(help_text="The invitee's; empty if the calendar did not say.")
    location = serializers.CharField(help_text="A link or a place.")
    host = serializers.CharField(source="host_email")
    answers = serializers.ListField(
        child=serializers.DictField(child=serializers.CharField()),
        help_text="What they said when booking: question and answer.",
    )
    moved_to = serializers.IntegerField(
        source="replaced_by.id", default=None, allow_null=True, help_text="The meeting that takes its place."
    )
    cancel_reason = serializers.CharField()
    booked_at = TimeField()
    canceled_at = TimeField(allow_null=True)
    provider = serializers.CharField(help_text="calendly, or manual.")


class ScoreEntrySerializer(serializers.Serializer[ScoreEntry]):
    """A row of the ledger. The scores of a lead are the sums of its rows."""

    id = serializers.IntegerField()
    dimension = serializers.ChoiceField(choices=Dimension.choices)
    points = serializers.IntegerField()
    reason = serializers.ChoiceField(choices=ScoreEntry.Reason.choices)
    rule = serializers.SlugField(source="rule.slug", default=None, allow_null=True, help_text="Null for decay.")
    rule_name = serializers.CharField(source="rule.name", default="")
    event = serializers.CharField(source="event.kind", default=None, allow_null=True, help_text="Kind of the event.")
    event_id = serializers.IntegerField(allow_null=True)
    at = TimeField()


class ScoreSerializer(serializers.Serializer[object]):
    """The scores, and a page of the ledger that they are the sums of."""

    fit_score = serializers.IntegerField()
    intent_score = serializers.IntegerField()
    score = serializers.IntegerField(help_text="Fit + intent.")
    temperature = serializers.ChoiceField(choices=Temperature.choices)
    results = ScoreEntrySerializer(many=True)
    next = serializers.URLField(allow_null=True)


class EnrollmentSerializer(serializers.Serializer[Enrollment]):
    """A run through a sequence."""

    id = serializers.IntegerField()
    sequence = serializers.SlugField(source="sequence.slug")
    key = serializers.CharField(help_text="Business id such as an order; usually empty.")
    state = serializers.ChoiceField(choices=Enrollment.State.choices)
    step = serializers.CharField(source="step_key", help_text="The step it is at.")
    due_at = TimeField(allow_null=True, help_text="When the engine looks next; null while a mail is out.")
    exit_reason = serializers.CharField(
        help_text="completed, goal: meeting.booked, unsubscribed …; empty while active."
    )
    enrolled_at = TimeField()
    ended_at = TimeField(allow_null=True)


class MessageSerializer(serializers.Serializer[Message]):
    """A mail, from its decision to exactly one end."""

    id = serializers.IntegerField()
    key = serializers.CharField(help_text="One mail per key, whatever is repeated.")
    sequence = serializers.SlugField(source="sequence.slug", default=None, allow_null=True)
    step = serializers.CharField(source="step_key")
    variant = serializers.CharField(source="variant_key")
    template = serializers.SlugField(source="template_version.template.slug")
    subject = serializers.SerializerMethodField(help_text="As sent; before that, as the template has it.")
    state = serializers.ChoiceField(choices=Message.State.choices)
    reason = serializers.CharField(help_text="Why it is deferred, or why it ended as it did.")
    due_at = TimeField()
    sent_at = TimeField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]
        fields = super().get_fields()
        fields["class"] = serializers.ChoiceField(choices=MessageClass.choices, source="message_class")
        return fields

    @extend_schema_field(str)
    def get_subject(self, message: Message) -> str:
        return message.subject or str(message.template_version.source.get("subject", ""))
