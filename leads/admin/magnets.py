"""Lead magnets: the file, what a download means, and how often it happened."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import SuspiciousFileOperation, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget

from leads import magnet_files
from leads.models import Magnet
from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin, admin_link


class MagnetForm(forms.ModelForm):  # type: ignore[type-arg]
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget,
        help_text=f"{', '.join(magnet_files.TYPES)}; at most {magnet_files.LARGEST // 1024**2} MB. Links that people "
        "have already give them the new file.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """A file that is there need not be sent again. It is not linked: nothing serves it without a token."""
        super().__init__(*args, **kwargs)
        if self.instance.file:
            self.fields["file"].required = False
            self.initial["file"] = None

    class Meta:
        model = Magnet
        fields = "__all__"  # noqa: DJ007  the admin's fieldsets choose

    def clean_file(self) -> Any:
        """None keeps what is there."""
        file = self.cleaned_data["file"]
        if isinstance(file, UploadedFile):
            try:
                magnet_files.check_upload(file)
            except magnet_files.FileRefused as refused:
                raise ValidationError(str(refused)) from refused
        return file


@admin.register(Magnet)
class MagnetAdmin(EditAdmin):
    nothing_yet = "Upload a file that people get for their address, and choose it in a form or on a landing page."
    form = MagnetForm
    list_display = ["name", "slug", "size", "event_kind", "downloads", "given_by", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    fieldsets = [
        (None, {"fields": [("name", "slug"), "description", "is_active"]}),
        ("The file", {"fields": ["file", "size", "file_name"]}),
        ("What happens", {"fields": [("link_days", "event_kind"), "downloads", "given_by"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("form_set", "pages")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["size", "downloads", "given_by", *(["slug"] if obj else [])]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else super().get_prepopulated_fields(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only what no form gives and no page shows."""
        used = isinstance(obj, Magnet) and bool(obj.form_set.all() or obj.pages.all())
        return super().has_delete_permission(request, obj) and not used

    def save_model(self, request: HttpRequest, obj: Magnet, form: Any, change: bool) -> None:
        """A replaced file goes away once the new one is there for good."""
        if not change:
            obj.created_at = clock.now()
        before = Magnet.objects.filter(pk=obj.pk).values_list("file", flat=True).first() if change else None
        super().save_model(request, obj, form, change)
        if before and before != obj.file.name:
            transaction.on_commit(lambda: obj.file.storage.delete(before))

    def delete_model(self, request: HttpRequest, obj: Magnet) -> None:
        storage, name = obj.file.storage, str(obj.file.name)
        super().delete_model(request, obj)
        transaction.on_commit(lambda: storage.delete(name))

    def get_urls(self) -> list[Any]:
        own = path("<int:pk>/file/", self.admin_site.admin_view(self.download), name="leads_magnet_file")
        return [own, *super().get_urls()]

    def download(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The file for a colleague; counted nowhere."""
        magnet = self.get_object(request, str(pk))
        handout = magnet_files.open_file(magnet) if magnet and self.has_view_permission(request, magnet) else None
        if handout is None:
            raise Http404("The file is not there.")
        return FileResponse(handout.file, as_attachment=True, filename=handout.name, content_type=handout.content_type)

    @display(description="As people get it")
    def size(self, magnet: Magnet) -> SafeString | str:
        if not magnet.pk:
            return "–"
        try:
            size = filesizeformat(magnet.file.size)
        except (OSError, ValueError, SuspiciousFileOperation):
            return "The file is missing: people are told so. Upload it again."
        url = reverse("admin:leads_magnet_file", args=[magnet.pk])
        return format_html('<a class="text-link" href="{}">{}</a>, {}', url, magnet_files.saved_as(magnet), size)

    @display(description="Given by")
    def given_by(self, magnet: Magnet) -> str:
        if not magnet.pk:
            return "–"
        rows = [*magnet.form_set.all(), *magnet.pages.all()]
        return format_html_join(", ", "{}", ((admin_link(row),) for row in rows)) or "No form gives it yet"
