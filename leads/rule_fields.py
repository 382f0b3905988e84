"""What rules may say of a lead: the whitelist, and how a selected row becomes the facts that rules read.

A higher app adds a field in its `ready()` with `VOCABULARY.register(Field(...))`; its path is then one of the columns.
"""

from collections.abc import Mapping
from typing import Any

from leads.models.lead import AudienceType, Role, Stage, Temperature, Tier
from lifecycle.core.rules import Field, Vocabulary

VOCABULARY = Vocabulary(
    [
        Field("email", "text", "email address", "email_normal", folded=True),
        Field("email_domain", "text", "email domain", "email_domain", folded=True),
        Field("first_name", "text", "first name", "first_name"),
        Field("last_name", "text", "last name", "last_name"),
        Field("job_title", "text", "job title", "job_title"),
        Field("role", "choice", "role", "role", tuple(Role.values)),
        Field("department", "text", "department", "department"),
        Field("company_name", "text", "company name", "company_name"),
        Field("company_size", "number", "company size", "company_size", otherwise="company__size"),
        Field("industry", "text", "industry", "industry"),
        Field("country", "text", "country", "country"),
        Field("timezone", "text", "time zone", "timezone"),
        Field("organization_type", "text", "organization type", "organization_type"),
        Field("audience_type", "choice", "audience type", "audience_type", tuple(AudienceType.values)),
        Field("primary_audience", "text", "primary audience", "primary_audience"),
        Field("stage", "choice", "stage", "stage", tuple(Stage.values)),
        Field("stage_since", "datetime", "start of the stage", "stage_since"),
        Field("temperature", "choice", "temperature", "temperature", tuple(Temperature.values)),
        Field("score", "number", "score", "score"),
        Field("fit_score", "number", "fit score", "fit_score"),
        Field("intent_score", "number", "intent score", "intent_score"),
        Field("engagement_tier", "choice", "engagement tier", "engagement_tier", tuple(Tier.values)),
        Field("sunset_at", "datetime", "start of the sunset", "sunset_at"),
        Field("is_client", "boolean", "client", "is_client"),
        Field("last_human_act_at", "datetime", "last human act", "last_human_act_at"),
        Field("form_source", "text", "first form", "form_source"),
        Field("owner", "text", "owner", "owner__username"),
        Field("demo_booked", "boolean", "demo booked", "demo_booked"),
        Field("demo_status", "text", "demo status", "demo_status"),
        Field("webinars", "text", "webinars", "webinars"),
        Field("created_at", "datetime", "lead creation", "created_at"),
        Field("company.size", "number", "size of the account", "company__size"),
        Field("company.industry", "text", "industry of the account", "company__industry"),
        Field("company.domain", "text", "domain of the account", "company__domain", folded=True),
    ],
    dynamic_prefixes={"attributes.": "attributes"},
)

# The columns of our own fields. VOCABULARY.columns() has those of higher apps too; given Needs.fields, just these.
COLUMNS = VOCABULARY.columns()


def lead_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `Lead.objects.values(*COLUMNS)`, or of fewer or more columns, as `Facts.fields`."""
    return VOCABULARY.facts(row)
