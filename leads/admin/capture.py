"""The table from organisation types to audiences."""

from django.contrib import admin

from leads.models import Audience
from lifecycle.core.admin import EditAdmin


@admin.register(Audience)
class AudienceAdmin(EditAdmin):
    list_display = ["organization_type", "audience_type", "primary_audience"]
    list_filter = ["audience_type"]
    search_fields = ["organization_type", "primary_audience"]
