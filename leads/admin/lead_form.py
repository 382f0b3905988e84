"""The profile of a lead as people type it."""

from django import forms
from django.core.exceptions import ValidationError

from leads import addresses
from leads.models import Lead

# What a person may type over, as `leads.actions` calls it. The rest is evidence, caches, or moved by an action.
WRITTEN = {
    "first_name": "first_name",
    "last_name": "last_name",
    "phone": "phone",
    "job_title": "job_title",
    "company_name": "company",
    "company_size": "company_size",
    "industry": "industry",
    "organization_type": "organization_type",
    "country": "country",
    "timezone": "timezone",
    "is_client": "is_client",
}


class LeadForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Lead
        fields = "__all__"  # noqa: DJ007  the admin's fieldsets choose

    def clean_email(self) -> str:
        try:
            return addresses.read(self.cleaned_data["email"]).written
        except addresses.AddressError as error:
            raise ValidationError(str(error)) from error
