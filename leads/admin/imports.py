"""Imports: upload a file, match its columns, check it, run it, read what was refused. Pages are our own."""

import csv
from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from leads import importing
from leads.admin import badges
from leads.importing import sampling
from leads.models import Event, ImportRun
from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin, ago
from lifecycle.core.cells import Echo, escape_row

# While it runs, the page asks again after so many seconds; without a script, so that nothing can fail.
AGAIN = "2"
SHOWN = 50
_S = ImportRun.State
DONE_BY = {"check": importing.check, "start": importing.start, "resume": importing.go_on}
TOO_LATE = "This import is elsewhere by now; this is how it stands."


class UploadForm(forms.Form):
    file = forms.FileField(
        label="CSV file",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
        help_text=f"At most {importing.LARGEST // 1024 // 1024} MB, with headings in the first line. Commas, "
        "semicolons or tabs; UTF-8, UTF-16 or Windows-1252. It is removed when it is imported, after 7 days otherwise.",
    )


class OptionsForm(forms.Form):
    source = forms.SlugField(
        max_length=60,
        initial="import",
        widget=UnfoldAdminTextInputWidget,
        help_text="Where these people come from: trade-fair-2026. It is the source of their touch.",
    )
    updates_known = forms.BooleanField(
        required=False,
        initial=True,
        label="Fill in people we know",
        widget=UnfoldBooleanSwitchWidget,
        help_text="Cells with something in them replace what is there. Off: people we know stay as they are. Stage, "
        "owner, first form and original touch never change, and an opt-out always counts.",
    )


class CreatedByImport(admin.SimpleListFilter):
    """The people that one import made: where its page leads to."""

    title = "import"
    parameter_name = "import_run"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        asked = request.GET.get(self.parameter_name, "")
        return [(asked, f"made by import {asked}")] if asked.isdecimal() else []

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if not self.value():
            return queryset
        made = Event.objects.filter(source="import", kind="lead.created", key__startswith=f"{self.value()}:")
        return queryset.filter(pk__in=made.values("lead_id"))


@admin.register(ImportRun)
class ImportRunAdmin(EditAdmin):
    nothing_yet = "Bring people from a CSV file: its columns are matched and checked before anything is stored."
    list_display = ["file_name", "state_badge", "source", "done_of", "created", "updated", "refused", "asked", "actor"]
    list_select_related = ["actor"]
    list_filter = ["state"]
    search_fields = ["file_name__icontains", "source__istartswith"]
    ordering = ["-created_at"]

    def get_urls(self) -> list[Any]:
        def url(route: str, view: Any, name: str) -> Any:
            return path(f"<int:pk>/{route}", self.admin_site.admin_view(view), name=f"leads_importrun_{name}")

        act = require_POST(self.act)
        return [url("act/", act, "act"), url("refused.csv", self.refused_rows, "refused"), *super().get_urls()]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and (
            obj is None or obj.state not in (_S.CHECKING, _S.RUNNING)
        )

    def delete_model(self, request: HttpRequest, obj: ImportRun) -> None:
        importing.discard(obj)

    @display(description="State", label=badges.IMPORT)
    def state_badge(self, run: ImportRun) -> str:
        return run.get_state_display()

    @display(description="Rows")
    def done_of(self, run: ImportRun) -> str:
        return f"{run.done:,} of {run.rows:,}" if run.rows is not None else "–"

    @display(description="Uploaded", ordering="created_at")
    def asked(self, run: ImportRun) -> str:
        return ago(run.created_at)

    # -- pages

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The upload."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = UploadForm(request.POST or None, request.FILES or None)
        options = OptionsForm(request.POST or None)
        if request.method == "POST" and form.is_valid() and options.is_valid():
            file = form.cleaned_data["file"]
            try:
                run = importing.begin(file, file.name, **options.cleaned_data, actor=request.user, now=clock.now())
                return HttpResponseRedirect(self._page(run.pk))
            except importing.FileProblem as problem:
                form.add_error("file", str(problem))
        context = {"title": "Import people", "forms": [form, options], "back": self._list()}
        return self._answer(request, "admin/leads/import_upload.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Where the import stands: columns to match, a bar, or the result."""
        run = self.get_object(request, object_id)
        if run is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        if request.method == "POST":
            return self._match(request, run)
        return self._show(request, run)

    def act(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Check, start, cancel or resume, as the button says."""
        run = self._run(request, pk)
        verb = request.POST.get("verb", "")
        moved = importing.cancel(run, now=clock.now()) if verb == "cancel" else verb in DONE_BY and DONE_BY[verb](run)
        if not moved:
            messages.warning(request, TOO_LATE)
        return HttpResponseRedirect(self._page(pk))

    def refused_rows(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The refused rows as a file to mend and import again."""
        run = ImportRun.objects.filter(pk=pk).first()
        if run is None or not request.user.has_perm("leads.view_importrefusal"):
            raise PermissionDenied
        response = StreamingHttpResponse(_refused(run), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="import-{run.pk}-refused.csv"'
        return response

    # -- parts

    def _match(self, request: HttpRequest, run: ImportRun) -> HttpResponse:
        """Take the matched columns, and go on to the check."""
        if not self.has_change_permission(request, run):
            raise PermissionDenied
        options = OptionsForm(request.POST)
        matched = sampling.posted(run.headings, request.POST)
        try:
            if options.is_valid():
                moved = importing.match(run, matched, **options.cleaned_data) and importing.check(run)
                if not moved:
                    messages.warning(request, TOO_LATE)
                return HttpResponseRedirect(self._page(run.pk))
            problem = "Look at the source."
        except (importing.MappingProblem, importing.FileProblem) as error:
            problem = str(error)
        run.mapping = matched
        return self._show(request, run, problem=problem, options=options)

    def _show(self, request: HttpRequest, run: ImportRun, **more: Any) -> HttpResponse:
        under_way = run.state in (_S.CHECKING, _S.RUNNING)
        matching = run.state in (_S.UPLOADED, _S.CHECKED) and bool(run.file)
        refusals = run.refusals.order_by("line")[:SHOWN] if run.refused and not under_way else []
        initial = {"source": run.source, "updates_known": run.updates_known}
        context = {
            "title": run.file_name,
            "run": run,
            "under_way": under_way,
            "matching": matching,
            "may_change": self.has_change_permission(request, run),
            "may_resume": run.state in (_S.FAILED, _S.CANCELED) and bool(run.file) and run.rows is not None,
            "sample": sampling.look(run) if matching else None,
            "choices": sampling.choices(run),
            "options": OptionsForm(initial=initial),
            "refusals": refusals,
            "percent": 100 * run.done // max(run.rows or 1, 1),
            "back": self._list(),
            **more,
        }
        response = self._answer(request, "admin/leads/import.html", context)
        if under_way:
            response["Refresh"] = AGAIN
        return response

    def _run(self, request: HttpRequest, pk: int) -> ImportRun:
        run = ImportRun.objects.filter(pk=pk).first()
        if run is None or not self.has_change_permission(request, run):
            raise PermissionDenied
        return run

    def _answer(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        return TemplateResponse(
            request, template, {**self.admin_site.each_context(request), "opts": self.opts, **context}
        )

    def _page(self, pk: int) -> str:
        return reverse("admin:leads_importrun_change", args=[pk])

    def _list(self) -> str:
        return reverse("admin:leads_importrun_changelist")


def _refused(run: ImportRun) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield "\ufeff" + writer.writerow(escape_row([*run.headings, "Line", "Why it was refused"]))
    for one in run.refusals.order_by("line").iterator():
        yield writer.writerow(escape_row([*one.row, one.line, one.reason]))
