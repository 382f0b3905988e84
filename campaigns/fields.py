"""What a sequence may set on a lead: a few columns, and any attribute."""

SETTABLE = frozenset(
    "audience_type primary_audience organization_type industry country timezone job_title engagement_tier".split()
)
