"""What a form takes and answers, for the OpenAPI document: the reading of a post is `leads.intake`'s."""

from typing import Any

from rest_framework import serializers


def text(help_text: str = "", **more: Any) -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, help_text=help_text, **more)


class SubmissionSerializer(serializers.Serializer[object]):
    """Only the e-mail is needed, and what the form itself requires. Further fields are welcome."""

    email = serializers.EmailField(max_length=254)
    first_name = text(max_length=100)
    last_name = text(max_length=100)
    company = text("The company's name.", max_length=200)
    company_size = text("Employees: a number or a range such as 50-500.")
    job_title = text(max_length=160)
    phone = text(max_length=60)
    organization_type = text("Decides the audience.", max_length=120)
    industry = text(max_length=120)
    country = text(max_length=80)
    timezone = text("IANA name: Europe/Berlin.", max_length=64)
    message = text(max_length=5000)
    utm_source = text()
    utm_medium = text()
    utm_campaign = text()
    utm_term = text()
    utm_content = text()
    gclid = text("Also fbclid, msclkid and the like.")
    referrer = text("document.referrer")
    page_url = text("The page the form is on; UTM values in its address count.")
    anonymous_id = text("The browser's id, so that its past joins the person.")
    context = serializers.DictField(required=False, help_text="Segment's context object, instead of the fields above.")  # type: ignore[assignment]
    lc_t = text("The signed time of a form that we drew: a post sooner than a person can write is a robot's.")
    website_url = text("A trap for robots: hide it from people and leave it empty.")


class AcceptedSerializer(serializers.Serializer[object]):
    status = serializers.ChoiceField(choices=["accepted"])
    next = serializers.URLField(help_text="Where to send the person now.")
