"""Rehearsals: asked for on a sequence or a version, watched while they run, and read as a page of their own."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget

from campaigns.admin import badges, charts
from campaigns.editing.publishing import PublishRefused
from campaigns.models import RehearsalRun, Sequence, SequenceVersion
from campaigns.rehearsal import jobs, printing
from leads.models import Lead
from lifecycle.core import clock
from lifecycle.core.admin import InsertOnlyAdmin, ago, dialog
from lifecycle.core.admin.frames import reload_at, reload_page

# While it runs, the page asks again after so many seconds; without a script, so that nothing can fail.
AGAIN = "2"


class RehearseDialog(BaseDialogForm):
    days = forms.TypedChoiceField(
        choices=[(7, "The last 7 days"), (30, "The last 30 days"), (90, "The last 90 days"), (365, "The last year")],
        coerce=int,
        initial=90,
        widget=UnfoldAdminSelectWidget,
        label="Over the events of",
    )


class RehearseActions:
    """The button on a sequence and on a version."""

    model: Any

    def has_rehearse_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("campaigns.add_rehearsalrun")

    @action(
        description="Rehearse",
        url_path="rehearse",
        icon="theater_comedy",
        permissions=["rehearse"],
        dialog=dialog(
            "Rehearse it over the past",
            "What it would have done had it been live: who enters, what they get and when, who leaves and why, "
            "and where it meets other sequences. It reads real events and sends nothing. A draft goes first.",
            "Rehearse",
            RehearseDialog,
        ),
    )
    def rehearse(self, request: HttpRequest, form: RehearseDialog, object_id: str) -> HttpResponseBase:
        row = self.model.objects.get(pk=object_id)
        version = row if isinstance(row, SequenceVersion) else draft_or_current(row)
        if version is None:
            messages.warning(request, "There is nothing to rehearse yet. Edit the draft first.")
            return reload_page(request, row)
        try:
            run = jobs.ask(version, days=form.cleaned_data["days"], by=request.user, now=clock.now())
        except PublishRefused as refused:
            for problem in refused.problems:
                messages.error(request, f"It cannot run yet. {problem}")
            return reload_page(request, row)
        return reload_at(address(run))


def draft_or_current(sequence: Sequence) -> SequenceVersion | None:
    return sequence.versions.filter(state=SequenceVersion.State.DRAFT).first() or sequence.current_version


def address(run: RehearsalRun) -> str:
    return reverse("admin:campaigns_rehearsalrun_change", args=[run.pk])


@admin.register(RehearsalRun)
class RehearsalRunAdmin(InsertOnlyAdmin):
    list_display = ["version", "state_badge", "period", "asked", "asked_by"]
    list_select_related = ["version__sequence", "asked_by"]
    search_fields = ["version__sequence__name", "version__sequence__slug"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("version__sequence", "asked_by")

    @display(description="State", label=badges.REHEARSAL)
    def state_badge(self, run: RehearsalRun) -> str:
        return run.get_state_display()

    @display(description="Period")
    def period(self, run: RehearsalRun) -> str:
        return f"{run.since:%Y-%m-%d} to {run.until:%Y-%m-%d}"

    @display(description="Asked", ordering="asked_at")
    def asked(self, run: RehearsalRun) -> str:
        return ago(run.asked_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The result, or how far it is."""
        run = self.get_object(request, object_id)
        if run is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Rehearsal of {run.version.sequence}",
            "run": run,
            "is_open": run.state in RehearsalRun.OPEN,
            **(shown(run.result) if run.result else {}),
        }
        response = TemplateResponse(request, "admin/campaigns/rehearsal.html", context)
        if run.state in RehearsalRun.OPEN:
            response["Refresh"] = AGAIN
        return response


def shown(told: dict[str, Any]) -> dict[str, Any]:
    """A result as the page's parts."""
    outcome, difference = told["outcome"], told["difference"]
    published = difference["published"]["mails_per_day"] if difference else {}
    return {
        "told": told,
        "outcome": outcome,
        "empty": printing.empty(told),
        "chart": charts.mails_per_day(told, published),
        "days": charts.days_table(outcome["mails_per_day"]),
        "mails": [(printing.name_of(mail), mail["sent"]) for mail in outcome["mails"]],
        "counts": [
            ("Not enrolled", "Reason", "Proposals", outcome["refused"]),
            ("How runs end", "Reason", "Runs", outcome["exits"]),
            ("Mails put off", "Check", "Mails", outcome["deferred"]),
            ("Mails not sent", "Reason", "Mails", outcome["skipped"]),
            ("Other things its steps would do", "Step", "Times", outcome["other_effects"]),
        ],
        "collisions": [each for each in printing.collisions(outcome) if each[1]],
        "difference": difference,
        "compared": _signed(printing.compared(difference, outcome)) if difference else [],
        "assumptions": list(printing.assumptions(told)),
        "samples": _people(told["samples"]),
    }


def _signed(rows: list[tuple[str, int, int]]) -> list[tuple[str, int, int, str]]:
    return [(name, ours, theirs, f"{ours - theirs:+,}" if ours != theirs else "–") for name, ours, theirs in rows]


def _people(samples: list[dict[str, Any]]) -> list[tuple[Lead | None, list[tuple[str, str, str]]]]:
    """The people who are shown, with their moments to the minute; None for one who was erased since."""
    leads = Lead.objects.in_bulk([sample["lead"] for sample in samples])
    return [
        (
            leads.get(sample["lead"]),
            [(at[:16].replace("T", " "), what, detail) for at, what, detail in sample["moments"]],
        )
        for sample in samples
    ]
