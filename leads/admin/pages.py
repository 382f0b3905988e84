"""Landing pages: their words for search engines, their variants, what came of them; and the editor of blocks."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from leads.admin.blocks_field import BlocksField
from leads.admin.page_results import results_table
from leads.models import LandingPage, PageVariant
from leads.pages import publishing, results
from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin, admin_link, dialog
from lifecycle.core.admin.frames import reload_at, reload_page
from lifecycle.core.statistics import percent


class DuplicateDialog(BaseDialogForm):
    name = forms.CharField(
        required=False,
        max_length=120,
        widget=UnfoldAdminTextInputWidget,
        label="What will be different",
        help_text="“Short headline”. It starts with weight 0; share visitors out when it is ready.",
    )


class VariantInline(TabularInline):
    model = PageVariant
    verbose_name_plural = "variants"
    fields = ["edit", "name", "weight", "blocks_in_words"]
    readonly_fields = ["edit", "blocks_in_words"]
    extra = 0
    max_num = 0
    can_delete = False
    hide_title = True

    @display(description="Variant")
    def edit(self, variant: PageVariant) -> str:
        return admin_link(variant, f"{variant.key}: edit and preview")

    @display(description="Blocks")
    def blocks_in_words(self, variant: PageVariant) -> str:
        return ", ".join(str(block.get("type")) for block in variant.blocks if isinstance(block, dict)) or "none"


@admin.register(LandingPage)
class LandingPageAdmin(EditAdmin):
    nothing_yet = "A landing page is put together from blocks, with a form on it. Begin with its name and title."
    list_display = ["name", "address", "standing", "views", "visitors", "conversions", "rate"]
    list_filter = ["is_published"]
    search_fields = ["name", "slug", "title"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["form", "magnet"]
    inlines = [VariantInline]
    actions_detail = ["publish", "unpublish", "duplicate"]

    class Media:
        js = ["js/blocks.js"]
        css = {"all": ["css/blocks.css"]}

    fieldsets = [
        (None, {"fields": [("name", "slug"), ("standing", "address"), "form", "magnet"]}),
        ("What came of it", {"fields": ["results"]}),
        ("For search engines and shared links", {"fields": ["title", "description", "social_image", "is_indexed"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        shown = ["standing", "address", "results"]
        return ["slug", *shown] if obj and obj.published_at else shown

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else super().get_prepopulated_fields(request, obj)

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return self.inlines if obj else []

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changes = super().get_changelist_instance(request)
        found = results.of_pages([page.pk for page in changes.result_list])
        for page in changes.result_list:
            page.totals = results.total(found[page.pk])
        return changes

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only what nobody saw: the numbers of the others stay."""
        return super().has_delete_permission(request, obj) and not (obj and results.has_visits(obj))

    def save_model(self, request: HttpRequest, obj: LandingPage, form: Any, change: bool) -> None:
        obj.updated_at = clock.now()
        if not change:
            obj.created_at = obj.updated_at
        super().save_model(request, obj, form, change)
        if not change:
            PageVariant.objects.create(page=obj, key="a", blocks=publishing.STARTING_BLOCKS)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        warn(request, form.instance)

    @display(description="Status", label={"Published": "success", "Draft": "warning", "Taken down": "danger"})
    def standing(self, page: LandingPage) -> str:
        if page.is_published:
            return "Published"
        return "Taken down" if page.published_at else "Draft"

    @display(description="Address")
    def address(self, page: LandingPage) -> SafeString | str:
        if not page.pk:
            return "Save the page to get its address."
        url = f"{settings.SITE_URL}{reverse('landing-page', args=[page.slug])}"
        return format_html(
            '<span class="copy-line"><a class="text-link" href="/p/{}" target="_blank">{}</a>'
            '<button type="button" class="desk-button plain" data-copy="{}">Copy</button></span>',
            page.slug,
            url,
            url,
        )

    @display(description="Views")
    def views(self, page: Any) -> str:
        return f"{page.totals.views:,}"

    @display(description="Visitors")
    def visitors(self, page: Any) -> str:
        return f"{page.totals.visitors:,}"

    @display(description="Conversions")
    def conversions(self, page: Any) -> str:
        return f"{page.totals.conversions:,}"

    @display(description="Rate")
    def rate(self, page: Any) -> str:
        totals = page.totals
        return percent(totals.conversions / totals.visitors) if totals.visitors else "–"

    @display(description="Variants compared")
    def results(self, page: LandingPage) -> SafeString | str:
        return results_table(results.of_page(page)) if page.pk else "Nobody was here yet."

    def has_publish_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, is_published=False)

    def has_unpublish_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, is_published=True)

    def _may(self, request: HttpRequest, object_id: Any, *, is_published: bool) -> bool:
        known = str(object_id).isdecimal() and LandingPage.objects.filter(pk=object_id, is_published=is_published)
        return self.has_change_permission(request) and (object_id is None or bool(known and known.exists()))

    @action(
        description="Publish",
        url_path="publish",
        icon="publish",
        variant=ActionVariant.PRIMARY,
        permissions=["publish"],
        dialog=dialog("Publish this page", "As it is saved, everybody sees it from now on.", "Publish"),
    )
    def publish(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        page = LandingPage.objects.get(pk=object_id)
        try:
            publishing.publish(page, now=clock.now())
            messages.success(request, f"Everybody sees it now: {settings.SITE_URL}/p/{page.slug}")
        except publishing.PageRefused as refused:
            for problem in refused.problems:
                messages.error(request, f"Not published. {problem}")
        return reload_page(request, page)

    @action(
        description="Take down",
        url_path="unpublish",
        icon="visibility_off",
        permissions=["unpublish"],
        dialog=dialog("Take this page down", "Visitors are told that there is none. Numbers stay.", "Take down"),
    )
    def unpublish(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        page = LandingPage.objects.get(pk=object_id)
        publishing.unpublish(page, now=clock.now())
        messages.success(request, "Only colleagues see it now.")
        return reload_page(request, page)

    @action(
        description="Try another variant",
        url_path="duplicate",
        icon="content_copy",
        permissions=["change"],
        dialog=dialog("Try another variant", "A copy of the one that most people see.", "Copy it", DuplicateDialog),
    )
    def duplicate(self, request: HttpRequest, form: DuplicateDialog, object_id: str) -> HttpResponse:
        variants = PageVariant.objects.filter(page=int(object_id)).order_by("-weight", "key")
        return duplicated(request, variants[0], form.cleaned_data["name"])


class VariantForm(forms.ModelForm):  # type: ignore[type-arg]
    blocks = BlocksField(label="The page")

    class Meta:
        model = PageVariant
        fields = "__all__"  # noqa: DJ007  the admin's fieldsets choose


@admin.register(PageVariant)
class PageVariantAdmin(EditAdmin):
    """The editor. Variants are made on their page and listed there."""

    form = VariantForm
    list_display = ["__str__", "page", "key", "name", "weight", "views"]
    list_select_related = ["page"]
    list_filter = ["page"]
    search_fields = ["page__name", "key", "name"]
    readonly_fields = ["page_link"]
    actions_detail = ["duplicate"]
    change_form_after_template = "admin/leads/page_preview.html"
    fieldsets = [
        (None, {"fields": ["page_link", ("name", "weight")]}),
        ("Blocks", {"fields": ["blocks"], "classes": ["blocks-fieldset"]}),
    ]

    class Media:
        js = ["js/blocks.js"]
        css = {"all": ["css/blocks.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only what nobody saw, and never the last one."""
        gone = obj is None or obj.visits.exists() or obj.page.variants.count() == 1
        return super().has_delete_permission(request, obj) and not gone

    def save_model(self, request: HttpRequest, obj: PageVariant, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        LandingPage.objects.filter(pk=obj.page_id).update(updated_at=clock.now())
        warn(request, obj.page)

    @action(
        description="Duplicate",
        url_path="duplicate",
        icon="content_copy",
        permissions=["change"],
        dialog=dialog("Duplicate this variant", "As it is saved.", "Duplicate", DuplicateDialog),
    )
    def duplicate(self, request: HttpRequest, form: DuplicateDialog, object_id: str) -> HttpResponse:
        return duplicated(request, PageVariant.objects.get(pk=object_id), form.cleaned_data["name"])

    @display(description="Variant of")
    def page_link(self, variant: PageVariant) -> SafeString:
        return format_html(
            '{} · {} · <a class="text-link" href="/p/{}?variant={}" target="_blank">see it</a>',
            admin_link(variant.page),
            variant.key,
            variant.page.slug,
            variant.key,
        )


def duplicated(request: HttpRequest, variant: PageVariant, name: str) -> HttpResponse:
    """Copy a variant and go to the copy."""
    made = publishing.duplicate(variant, name=name, now=clock.now())
    messages.success(request, f"Variant {made.key} is a copy of {variant.key}. Change it, then give it a weight.")
    return reload_at(reverse("admin:leads_pagevariant_change", args=[made.pk]))


def warn(request: HttpRequest, page: LandingPage) -> None:
    """Say what keeps the page from working."""
    said = "Visitors see it like this" if page.is_published else "Before it can be published"
    for problem in publishing.problems_of(page):
        messages.warning(request, f"{said}: {problem}")
