"""Comparisons of variants: what is measured, where it stands, what was found, and who gets the winner."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from campaigns.admin import badges
from campaigns.admin.arms import arms_table, difference
from campaigns.experiments import checking, judging, results, starting
from campaigns.models import Experiment, Step
from leads.rule_fields import VOCABULARY
from lifecycle.core import clock, statistics
from lifecycle.core.admin import EditAdmin, WhereField, dialog
from lifecycle.core.admin.frames import reload_page
from lifecycle.core.admin.spans import SpanField


class ExperimentForm(forms.ModelForm):  # type: ignore[type-arg]
    goal_where = WhereField(
        vocabulary=VOCABULARY, label="Where", help_text="Tests on the event's properties; empty fits all."
    )
    goal_within = SpanField(
        label="Within", initial="7d", required=True, help_text="How long after the mail it counts, like 7d."
    )

    class Meta:
        model = Experiment
        fields = ["sequence", "step_key", *starting.RULES]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        known = {name: getattr(self.instance, name) for name in ("sequence", "step_key")} if self.instance.pk else {}
        given = Experiment(**known, **{name: data[name] for name in self.fields})
        step = self._step(given)
        if step is None:
            self.add_error("step_key", f"{given.sequence} has no step {given.step_key} that sends.")
            return data
        for complaint in checking.of_experiment(given, step):
            place = "goal" if complaint.where.startswith("experiment.") else None
            self.add_error(place, f"{complaint.where}: {complaint.message}")
        return data

    def _step(self, given: Experiment) -> Step | None:
        """Of the newest version that has it: the draft, if there is one."""
        steps = Step.objects.filter(version__sequence=given.sequence, key=given.step_key, kind=Step.Kind.SEND)
        return steps.order_by("-version__number").prefetch_related("variants").first()


class PromoteDialog(BaseDialogForm):
    variant = forms.SlugField(
        max_length=20,
        widget=UnfoldAdminTextInputWidget,
        help_text="The key of the variant that everybody new gets, like b.",
    )


@admin.register(Experiment)
class ExperimentAdmin(EditAdmin):
    form = ExperimentForm
    list_display = ["step", "goal", "minimum_sample", "state_badge", "winner", "promoted", "started_at", "decided_at"]
    list_select_related = ["sequence"]
    list_filter = [("state", ChoicesDropdownFilter), ("sequence", AutocompleteSelectFilter)]
    search_fields = ["sequence__name", "step_key"]
    autocomplete_fields = ["sequence"]
    actions_detail = ["promote", "share_out", "start_over"]
    fieldsets = [
        ("What came of it", {"fields": ["verdict", "arms", ("state_badge", "promoted"), ("started_at", "decided_at")]}),
        ("Where", {"fields": [("sequence", "step_key")]}),
        (
            "What is measured, set in advance",
            {
                "fields": [("goal", "goal_within"), "goal_where", ("minimum_sample", "auto_promote")],
                "description": "Another goal, time or sample makes it another comparison: it starts over.",
            },
        ),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else self.fieldsets[1:]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        shown = ["verdict", "arms", "state_badge", "promoted", "started_at", "decided_at"]
        return ["sequence", "step_key", *shown] if obj else shown

    def save_model(self, request: HttpRequest, obj: Experiment, form: Any, change: bool) -> None:
        rules = {name: getattr(obj, name) for name in starting.RULES}
        actor = cast(User, request.user)
        made = starting.set_up(obj.sequence, obj.step_key, rules, actor=actor, now=clock.now())
        obj.pk = made.pk

    @display(description="Step", ordering="sequence")
    def step(self, experiment: Experiment) -> str:
        return str(experiment)

    @display(description="State", label=badges.EXPERIMENT)
    def state_badge(self, experiment: Experiment) -> str:
        return experiment.get_state_display()

    @display(description="Winner")
    def winner(self, experiment: Experiment) -> str:
        if experiment.state == Experiment.State.RUNNING:
            return "–"
        return experiment.winner_key or "No difference shown"

    @display(description="New people get")
    def promoted(self, experiment: Experiment) -> str:
        return experiment.promoted_key or "their share"

    @display(description="In words")
    def verdict(self, experiment: Experiment) -> str:
        if experiment.result:
            return str(experiment.result["sentence"])
        return results.standing(experiment, now=clock.now()).in_words(clock.now())

    @display(description="Variants")
    def arms(self, experiment: Experiment) -> str:
        if experiment.result:
            kept = [statistics.Arm(arm["key"], arm["people"], arm["conversions"]) for arm in experiment.result["arms"]]
            return arms_table(kept, "Variant") + difference(experiment.result)
        standing = results.standing(experiment, now=clock.now())
        return arms_table(standing.arms, "Variant", standing.sample)

    @action(
        description="Promote a variant",
        url_path="promote",
        icon="trophy",
        permissions=["change"],
        dialog=dialog(
            "Promote a variant",
            "Everybody new gets it. Those who met another keep theirs.",
            "Promote",
            PromoteDialog,
        ),
    )
    def promote(self, request: HttpRequest, form: PromoteDialog, object_id: str) -> HttpResponseBase:
        return self._promoted(request, object_id, form.cleaned_data["variant"])

    @action(
        description="Share out again",
        url_path="share",
        icon="call_split",
        permissions=["change"],
        dialog=dialog("Share new people out again", "The promotion ends; the weights decide as before.", "Share out"),
    )
    def share_out(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponseBase:
        return self._promoted(request, object_id, "")

    def _promoted(self, request: HttpRequest, object_id: str, key: str) -> HttpResponseBase:
        experiment = Experiment.objects.select_related("sequence").get(pk=object_id)
        try:
            judging.promote(experiment, key, actor=cast(User, request.user), now=clock.now())
            messages.success(request, f"New people get {key or 'their share'} from now on.")
        except judging.NoSuchVariant as refused:
            messages.error(request, f"Not promoted: {refused}.")
        return reload_page(request, experiment)

    @action(
        description="Start over",
        url_path="restart",
        icon="restart_alt",
        variant=ActionVariant.DANGER,
        permissions=["change"],
        dialog=dialog(
            "Start the comparison over",
            "What was found is forgotten (the sequence's changes keep its sentence), and only mails from now on count.",
            "Start over",
        ),
    )
    def start_over(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponseBase:
        experiment = Experiment.objects.select_related("sequence").get(pk=object_id)
        starting.start_over(experiment, actor=cast(User, request.user), reason="by hand", now=clock.now())
        messages.success(request, "It counts from now on.")
        return reload_page(request, experiment)
