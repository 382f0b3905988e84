"""What a sequence may set on a lead: a few columns, any attribute, and whether marketing mail rests."""

from leads.engagement import SUNSET

SETTABLE = frozenset("audience_type primary_audience organization_type industry country timezone job_title".split()) | {
    SUNSET
}
TRUE_OR_FALSE = frozenset({SUNSET})
