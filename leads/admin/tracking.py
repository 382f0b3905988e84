"""What tracking calls mean: which pages of the website are more than a page view."""

from django.contrib import admin

from leads.models import PageRule
from lifecycle.core.admin import EditAdmin


@admin.register(PageRule)
class PageRuleAdmin(EditAdmin):
    list_display = ["pattern", "kind", "position", "is_active"]
    list_editable = ["position", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["pattern", "kind"]
    ordering = ["position", "id"]
    fields = ["pattern", "kind", "position", "is_active"]
