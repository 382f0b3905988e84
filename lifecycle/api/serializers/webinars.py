"""Webinars as websites and programs read them, and what a registration takes and answers."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from lifecycle.api.serializers.fields import TimeField
from lifecycle.api.serializers.forms import SubmissionSerializer
from webinars import calendar_links, telling
from webinars.models import Webinar


class SpeakerSerializer(serializers.Serializer[object]):
    name = serializers.CharField()
    title = serializers.CharField()
    bio = serializers.CharField()


class CalendarLinksSerializer(serializers.Serializer[object]):
    google_url = serializers.URLField()
    outlook_url = serializers.URLField()


class WebinarSerializer(serializers.Serializer[Webinar]):
    code = serializers.CharField(help_text="WB001, WB002 …; never changes.")
    title = serializers.CharField()
    summary = serializers.CharField(help_text="One sentence.")
    description = serializers.CharField(help_text="An empty line parts paragraphs.")
    state = serializers.ChoiceField(choices=["open", "canceled"])
    starts_at = TimeField()
    ends_at = TimeField()
    time_zone = serializers.CharField(help_text="IANA name: Europe/Berlin.")
    when = serializers.SerializerMethodField(help_text="In words, in the webinar's zone.")
    speakers = SpeakerSerializer(many=True)
    capacity = serializers.IntegerField(allow_null=True, help_text="Seats; null for as many as come.")
    seats_left = serializers.SerializerMethodField(help_text="0: whoever registers waits for one. Null: no limit.")
    page_url = serializers.SerializerMethodField(help_text="The page where people register, later with the recording.")
    calendar = serializers.SerializerMethodField()
    recording_url = serializers.CharField(help_text="Empty until it is published.")

    @extend_schema_field(str)
    def get_when(self, webinar: Webinar) -> str:
        return telling.when(webinar)

    @extend_schema_field({"type": ["integer", "null"]})
    def get_seats_left(self, webinar: Any) -> int | None:
        return None if webinar.capacity is None else max(webinar.capacity - webinar.seated, 0)

    @extend_schema_field({"type": "string", "format": "uri"})
    def get_page_url(self, webinar: Webinar) -> str:
        return telling.public_url(webinar)

    @extend_schema_field(CalendarLinksSerializer)
    def get_calendar(self, webinar: Webinar) -> dict[str, str]:
        where = telling.public_url(webinar)
        google, outlook = calendar_links.google(webinar, where=where), calendar_links.outlook(webinar, where=where)
        return {"google_url": google, "outlook_url": outlook}


class RegistrationSerializer(SubmissionSerializer):
    """As for a form: only the e-mail is needed, and what the form named `webinar` requires."""


class RegisteredSerializer(serializers.Serializer[object]):
    """`calendar_url` is empty without a seat. The addresses show nothing of the person; their mail has their own."""

    status = serializers.ChoiceField(
        choices=["registered", "waitlisted", "canceled", "confirmation_requested"],
        help_text="`canceled`: this Idempotency-Key's registration was given back since. `confirmation_requested`: the "
        "form asks by mail first.",
    )
    webinar = serializers.CharField()
    calendar_url = serializers.CharField(help_text="The calendar entry as a file (ICS).")
    google_url = serializers.CharField()
    outlook_url = serializers.CharField()
    page_url = serializers.CharField(help_text="The registration's own page.")
