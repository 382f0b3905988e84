"""The REST doors: /api/v1/…"""

from django.urls import URLPattern, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.negotiation import DefaultContentNegotiation

from lifecycle.api.views import (
    attribution,
    broadcasts,
    customers,
    forms,
    history,
    leads,
    reports,
    sequences,
    webinars,
    why,
)
from lifecycle.api.views.keyless import UnknownAddress

app_name = "api"
v1: list[URLPattern] = [
    path("forms/<slug:slug>/submissions", forms.Submissions.as_view(), name="form-submissions"),
    path("leads", leads.Leads.as_view(), name="leads"),
    path("leads/<int:lead_id>", leads.OneLead.as_view(), name="lead"),
    path("leads/<int:lead_id>/timeline", history.Timeline.as_view(), name="lead-timeline"),
    path("leads/<int:lead_id>/touches", history.Touches.as_view(), name="lead-touches"),
    path("leads/<int:lead_id>/score", history.Score.as_view(), name="lead-score"),
    path("leads/<int:lead_id>/messages", history.Messages.as_view(), name="lead-messages"),
    path("leads/<int:lead_id>/enrollments", history.Enrollments.as_view(), name="lead-enrollments"),
    path("leads/<int:lead_id>/meetings", history.Meetings.as_view(), name="lead-meetings"),
    path("leads/<int:lead_id>/purchases", customers.Purchases.as_view(), name="lead-purchases"),
    path("leads/<int:lead_id>/subscriptions", customers.Subscriptions.as_view(), name="lead-subscriptions"),
    path("leads/<int:lead_id>/why", why.Why.as_view(), name="lead-why"),
    path("leads/<int:lead_id>/plan", why.Plan.as_view(), name="lead-plan"),
    path("leads/<int:lead_id>/events", leads.LeadEvents.as_view(), name="lead-events"),
    path("sequences", sequences.Sequences.as_view(), name="sequences"),
    path("sequences/<slug:slug>/enrollments", sequences.Enroll.as_view(), name="sequence-enrollments"),
    path("reports/attribution", attribution.Attribution.as_view(), name="report-attribution"),
    path("reports/experiments", reports.Experiments.as_view(), name="report-experiments"),
    path("broadcasts", broadcasts.Broadcasts.as_view(), name="broadcasts"),
    path("broadcasts/<slug:slug>/runs", broadcasts.BroadcastRuns.as_view(), name="broadcast-runs"),
    path("segments", sequences.Segments.as_view(), name="segments"),
    path("segments/preview", sequences.SegmentPreview.as_view(), name="segment-preview"),
    path("webinars", webinars.Webinars.as_view(), name="webinars"),
    path("webinars/<slug:code>", webinars.OneWebinar.as_view(), name="webinar"),
    path("webinars/<slug:code>/registrations", webinars.Registrations.as_view(), name="webinar-registrations"),
    path("schema", SpectacularAPIView.as_view(content_negotiation_class=DefaultContentNegotiation), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
]
urlpatterns = [path("v1/", include(v1)), re_path(r"", UnknownAddress.as_view())]
