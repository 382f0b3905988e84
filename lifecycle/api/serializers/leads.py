"""A lead as the outside sees it, and what may be sent about one."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from leads import channels
from leads.models import Lead, Touch
from leads.models.lead import AudienceType, Stage, Temperature, Tier
from lifecycle.api.serializers.fields import TimeField


class TouchSerializer(serializers.Serializer[Touch]):
    """A contact with its provenance."""

    id = serializers.IntegerField()
    kind = serializers.CharField(help_text="visit, click, form, booking, webinar, import or api.")
    channel = serializers.SerializerMethodField(
        help_text="By the channel rules as they are now: Paid search, Email, Direct …; Other if none fits."
    )
    source = serializers.CharField(help_text="utm_source, in lower case.")  # type: ignore[assignment]
    medium = serializers.CharField()
    campaign = serializers.CharField()
    term = serializers.CharField()
    content = serializers.CharField()
    referrer = serializers.CharField()
    landing_page = serializers.CharField()
    landing_path = serializers.CharField(help_text="Its host and path alone: www.example.com/pricing.")
    device = serializers.CharField(help_text="desktop, mobile, tablet, or empty.")
    sequence = serializers.CharField(
        help_text="The sequence, or broadcast:slug, whose mail was clicked; empty unless kind is click."
    )
    mail = serializers.CharField(help_text="That mail: demo-nurture/welcome.")
    form = serializers.CharField(help_text="The form that made it, if one did.")
    click_ids = serializers.DictField(child=serializers.CharField(), help_text="gclid, fbclid … as received.")
    at = TimeField(source="occurred_at")

    @extend_schema_field(serializers.CharField())
    def get_channel(self, touch: Touch) -> str:
        if "channels" not in self.context:  # read once for the whole answer
            self.context["channels"] = channels.current()  # type: ignore[index]
        rules: channels.Channels = self.context["channels"]
        return rules.of(touch.source, touch.medium, touch.campaign, touch.click_ids)


class DemoSerializer(serializers.Serializer[Lead]):
    booked = serializers.BooleanField(source="demo_booked")
    at = TimeField(source="demo_at", allow_null=True)
    event_name = serializers.CharField(source="demo_event_name")
    status = serializers.CharField(source="demo_status", help_text="Empty, scheduled, canceled, no_show or held.")


class LeadSerializer(serializers.Serializer[Lead]):
    """A person with a mail address. Text that is not known is empty, never null."""

    id = serializers.IntegerField()
    email = serializers.EmailField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    company = serializers.SerializerMethodField(help_text="The company's name.")
    job_title = serializers.CharField()
    role = serializers.CharField(help_text="Read from the job title: executive, head, manager, individual, student.")
    department = serializers.CharField(help_text="Read from the job title: engineering, marketing, sales …")
    phone = serializers.CharField()
    company_size = serializers.IntegerField(allow_null=True, help_text="Employees.")
    organization_type = serializers.CharField()
    industry = serializers.CharField()
    country = serializers.CharField()
    timezone = serializers.CharField(help_text="IANA name: Europe/Berlin.")
    stage = serializers.ChoiceField(choices=Stage.choices)
    stage_since = TimeField()
    fit_score = serializers.IntegerField()
    intent_score = serializers.IntegerField()
    score = serializers.IntegerField(help_text="Fit + intent, 0–100.")
    temperature = serializers.ChoiceField(choices=Temperature.choices)
    audience_type = serializers.ChoiceField(choices=AudienceType.choices, allow_blank=True)
    primary_audience = serializers.CharField()
    owner = serializers.SerializerMethodField(help_text="The user name of the sales rep, or null.")
    is_client = serializers.BooleanField()
    engagement_tier = serializers.ChoiceField(choices=Tier.choices, help_text="By what the person did themselves.")
    sunset_at = serializers.DateTimeField(
        allow_null=True, help_text="Since when marketing mail rests, as nothing was heard of the person; or null."
    )
    form_source = serializers.CharField(help_text="The first form. Never changes.")
    original_touch = TouchSerializer(allow_null=True, help_text="How the person first came. Never changes.")
    latest_touch = TouchSerializer(allow_null=True)
    demo = DemoSerializer(source="*")
    webinars = serializers.CharField(help_text="Codes of webinars registered for, in turn: “WB003, WB005”.")
    attributes = serializers.DictField(help_text="Further fields, by forms and the API.")
    created_at = TimeField()
    updated_at = TimeField()

    @extend_schema_field(str)
    def get_company(self, lead: Lead) -> str:
        return lead.company_name or (lead.company.name if lead.company else "")

    @extend_schema_field({"type": ["string", "null"]})
    def get_owner(self, lead: Lead) -> str | None:
        return lead.owner.get_username() if lead.owner else None


def sent(help_text: str = "", **more: Any) -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, help_text=help_text, **more)


class LeadFieldsSerializer(serializers.Serializer[object]):
    """What may be written of a lead, for the OpenAPI document: the reading is `leads.actions`'."""

    first_name = sent(max_length=100)
    last_name = sent(max_length=100)
    company = sent("The company's name.", max_length=200)
    company_size = serializers.IntegerField(
        required=False, allow_null=True, help_text="Employees; “50-500” is taken too."
    )
    job_title = sent("The role is read from it.", max_length=160)
    phone = sent(max_length=60)
    industry = sent(max_length=120)
    country = sent(max_length=80)
    timezone = sent("IANA name: Europe/Berlin.", max_length=64)
    organization_type = sent("Decides the audience.", max_length=120)
    audience_type = serializers.ChoiceField(choices=AudienceType.choices, required=False, allow_blank=True)
    primary_audience = sent(max_length=120)
    is_client = serializers.BooleanField(required=False)
    attributes = serializers.DictField(required=False, help_text="Joined with those there are; null removes one.")


class LeadUpsertSerializer(LeadFieldsSerializer):
    """The lead of this address, with what is known of it. Empty values change nothing."""

    email = serializers.EmailField(max_length=254)
    utm_source = sent()
    utm_medium = sent()
    utm_campaign = sent()
    utm_term = sent()
    utm_content = sent()
    referrer = sent()
    page_url = sent()
    anonymous_id = sent("The browser's id, so that its past joins the person.")


class LeadChangeSerializer(LeadFieldsSerializer):
    """Only what is to change. An empty value clears a field."""

    owner = serializers.CharField(required=False, allow_null=True, help_text="A user name; null for nobody.")
    stage = serializers.ChoiceField(choices=Stage.choices, required=False)
    reason = sent("Why the stage changes, for its history.", max_length=200)
