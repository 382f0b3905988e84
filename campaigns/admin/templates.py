"""Mails as drafts with a live preview, and their published versions."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldBooleanSwitchWidget

from campaigns import rendering
from campaigns.actions import publish_template
from campaigns.editing.mails import queued
from campaigns.editing.previewing import Preview, preview, send_test
from campaigns.models import EmailTemplate, MessageClass, TemplateVersion
from campaigns.sending import attachments
from leads.models import Lead
from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin, InsertOnlyAdmin, NewestInline, admin_link, code, dialog, sandboxed
from lifecycle.core.admin.frames import framed, reload_page


class TemplateForm(forms.ModelForm):  # type: ignore[type-arg]
    attachment = forms.ChoiceField(
        required=False,
        choices=attachments.choices,
        widget=UnfoldAdminSelectWidget,
        label="Goes with the mail",
        help_text="A calendar invite is made for each person as their registration is when the mail leaves; to whom it "
        "does not apply, the mail goes without.",
    )

    class Meta:
        model = EmailTemplate
        fields = "__all__"  # noqa: DJ007  the admin's fieldsets choose
        widgets = {
            "body": UnfoldAdminTextareaWidget(attrs={"rows": 26, "spellcheck": "false", "class": "code-box"}),
            "text": UnfoldAdminTextareaWidget(attrs={"rows": 6, "class": "code-box"}),
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if (data.get("message_class") == MessageClass.TRANSACTIONAL) and data.get("topic"):
            self.add_error("topic", "A transactional mail has no topic: people cannot opt out of it.")
        if data.get("message_class") == MessageClass.MARKETING and not data.get("topic"):
            self.add_error("topic", "Choose the topic under which people can switch this mail off.")
        return data


class PublishDialog(BaseDialogForm):
    also_queued = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        label="Also in the mails that wait to be sent",
        help_text="How many there are is said on the page, beside “Published”.",
    )


class VersionTab(NewestInline):
    model = TemplateVersion
    verbose_name_plural = "published versions"
    ordering = ["-number"]
    fields = ["number_link", "message_class", "topic", "published_at"]
    readonly_fields = ["number_link"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("topic")

    @display(description="Version")
    def number_link(self, version: TemplateVersion) -> str:
        return admin_link(version, f"Version {version.number}")


@admin.register(EmailTemplate)
class EmailTemplateAdmin(EditAdmin):
    form = TemplateForm
    list_display = ["name", "subject", "message_class", "topic", "standing", "updated_at"]
    list_select_related = ["topic", "current_version"]
    list_filter = [("message_class", ChoicesDropdownFilter), "topic"]
    search_fields = ["name", "slug", "subject"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [VersionTab]
    actions_detail = ["publish", "test"]
    change_form_after_template = "admin/campaigns/preview.html"
    fieldsets = [
        (None, {"fields": [("name", "slug"), ("message_class", "topic"), ("format", "standing"), "waiting"]}),
        ("The mail", {"fields": ["subject", "preheader", "body", "text"]}),
        ("Links", {"fields": [("adds_utm", "utm_campaign")]}),
        ("Attachment", {"fields": ["attachment"]}),
    ]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only what was never published: mails that were sent point to their versions."""
        never = not isinstance(obj, EmailTemplate) or obj.current_version_id is None
        return super().has_delete_permission(request) and never

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["standing", "waiting", "slug"] if obj else ["standing", "waiting"]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else super().get_prepopulated_fields(request, obj)

    def get_urls(self) -> list[Any]:
        own = path(
            "<int:pk>/preview/", self.admin_site.admin_view(self.preview), name="campaigns_emailtemplate_preview"
        )
        return [own, *super().get_urls()]

    @display(description="Published", label={"Not published": "warning", "Draft is newer": "info"})
    def standing(self, template: EmailTemplate) -> str:
        version = template.current_version
        if version is None:
            return "Not published"
        return f"Version {version.number}" if version.says(template) else "Draft is newer"

    @display(description="Wait to be sent")
    def waiting(self, template: EmailTemplate) -> str:
        count = queued(template) if template.pk else 0
        return f"{count:,} mails of it" if count else "None of it"

    def preview(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the form holds now (POST) or what is saved (GET), as a page for the sandboxed frame. Stores nothing."""
        template = self.get_object(request, str(pk))
        if template is None or not self.has_view_permission(request, template):
            return framed("This mail is not here any more.", status=404)
        if request.method == "POST":
            for name in ("format", "subject", "preheader", "body", "text", "message_class", "utm_campaign"):
                setattr(template, name, request.POST.get(name, getattr(template, name)))
            template.adds_utm = "adds_utm" in request.POST
        lead = Lead.objects.filter(email_normal=request.POST.get("preview_lead", "").strip().lower()).first()
        return self._shown(request, preview(template, lead=lead))

    def _shown(self, request: HttpRequest, shown: Preview) -> HttpResponse:
        if shown.mail is None:
            return framed(render(request, "admin/campaigns/problems.html", {"problems": shown.problems}).content)
        bar = render(request, "admin/campaigns/preview_head.html", {"mail": shown.mail}).content.decode()
        return framed(
            shown.mail.html.replace("<body", f"{bar}<body", 1) if "<body" in shown.mail.html else bar + shown.mail.html
        )

    @action(
        description="Publish",
        url_path="publish",
        icon="publish",
        variant=ActionVariant.PRIMARY,
        permissions=["change"],
        dialog=dialog(
            "Publish this mail",
            "The saved draft becomes what is sent from now on, also to people who are in a sequence.",
            "Publish",
            PublishDialog,
        ),
    )
    def publish(self, request: HttpRequest, form: PublishDialog, object_id: str) -> HttpResponse:
        template = EmailTemplate.objects.get(pk=object_id)
        also_queued = form.cleaned_data["also_queued"]
        try:
            version = publish_template(template, also_queued=also_queued, now=clock.now())
            said = f"Version {version.number} is what is sent from now on"
            messages.success(request, f"{said}, also in the mails that wait." if also_queued else f"{said}.")
        except rendering.TemplateProblems as refused:
            for problem in refused.problems:
                messages.error(request, f"Not published. {problem}")
        return reload_page(request, template)

    @action(
        description="Send me a test",
        url_path="test",
        icon="forward_to_inbox",
        permissions=["change"],
        dialog=dialog(
            "Send me a test", "The saved draft goes to your own address, filled in for a sample person.", "Send"
        ),
    )
    def test(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        template = EmailTemplate.objects.get(pk=object_id)
        to = getattr(request.user, "email", "") or request.user.get_username()
        for problem in (problems := send_test(template, to=to, now=clock.now())):
            messages.error(request, f"Not sent. {problem}")
        if not problems:
            messages.success(request, f"A test is on its way to {to}.")
        return reload_page(request, template)


@admin.register(TemplateVersion)
class TemplateVersionAdmin(InsertOnlyAdmin):
    list_display = ["__str__", "message_class", "topic", "published_at"]
    list_select_related = ["topic", "template"]
    ordering = ["-id"]
    fields = [
        "template_link",
        "number",
        "message_class",
        "topic",
        "published_at",
        "subject",
        "sent_html",
        "body",
        "links",
    ]
    readonly_fields = ["template_link", "subject", "sent_html", "body", "links"]

    def get_urls(self) -> list[Any]:
        own = path("<int:pk>/html/", self.admin_site.admin_view(self.html), name="campaigns_templateversion_html")
        return [own, *super().get_urls()]

    def html(self, request: HttpRequest, pk: int) -> HttpResponse:
        version = self.get_object(request, str(pk))
        if version is None or not self.has_view_permission(request, version):
            return framed("This version is not here.", status=404)
        return framed(version.compiled.get("html", ""))

    @display(description="Template")
    def template_link(self, version: TemplateVersion) -> str:
        return admin_link(version.template)

    @display(description="Subject")
    def subject(self, version: TemplateVersion) -> str:
        return str(version.source.get("subject", ""))

    @display(description="As compiled")
    def sent_html(self, version: TemplateVersion) -> SafeString:
        return sandboxed(f"/admin/campaigns/templateversion/{version.pk}/html/", title="The compiled mail")

    @display(description="As written")
    def body(self, version: TemplateVersion) -> SafeString:
        return code(str(version.source.get("body", "")))

    @display(description="Links fixed at publish")
    def links(self, version: TemplateVersion) -> SafeString:
        return code("\n".join(version.compiled.get("links", [])) or "none")
