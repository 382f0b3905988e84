"""The page before a publish: what changes, what becomes of the people inside and of those who match already.

The same page puts an older version back, promotes a canary, and begins its trial.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from campaigns import launching
from campaigns.actions import publish, revert
from campaigns.editing import canary
from campaigns.editing.differences import differences
from campaigns.editing.drafts import DraftExists
from campaigns.editing.preview import Preview, preview
from campaigns.editing.publishing import PublishRefused
from campaigns.launching import LaunchRefused
from campaigns.models import Backfill, Enrollment, SequenceVersion
from lifecycle.core import clock

PUBLISH, REVERT, PROMOTE = "publish", "revert", "promote"
TITLES = {PUBLISH: "Publish version {}", REVERT: "Go back to version {}", PROMOTE: "Make version {} the current one"}
POLICIES = [
    ("stay", "They stay on their version"),
    ("move", "They go on in the new version"),
    ("exit", "Their runs end"),
]
EFFECTS = {
    "mail": "get a mail at once",
    "exit": "leave at once",
    "skip": "go on past a step that is gone",
    "wait": "only wait on",
    "stay": "stay on their version",
}


class ReleaseForm(forms.Form):
    """How a version goes live. `way`: publish, revert or promote."""

    trial = forms.TypedChoiceField(
        choices=[("", "Everybody who enters from now on"), ("1", "A share of them first, as a trial")],
        coerce=bool,
        required=False,
        widget=UnfoldAdminSelectWidget,
        label="Who enters it",
        help_text="A trial takes a share of the new people until you promote or withdraw it. It ends by itself when "
        "too many of its mails bounce, are complained about or lead to opt-outs.",
    )
    percent = forms.IntegerField(
        min_value=1, max_value=99, initial=10, required=False, widget=UnfoldAdminIntegerFieldWidget, label="Share, in %"
    )
    in_flight = forms.ChoiceField(
        choices=POLICIES, initial="stay", widget=UnfoldAdminSelectWidget, label="The people inside"
    )
    not_past = forms.ChoiceField(
        required=False,
        widget=UnfoldAdminSelectWidget,
        label="Who goes on in it",
        help_text="People who are past this step stay on their version.",
    )
    backfill = forms.ChoiceField(
        required=False,
        choices=[("", "Nobody: only who triggers it from now on"), *Backfill.Mode.choices],
        widget=UnfoldAdminSelectWidget,
        label="Those who match already",
        help_text="Their filters, re-entry rule and exclusive group are judged at their turn, as always.",
    )
    sample = forms.IntegerField(
        min_value=1, required=False, widget=UnfoldAdminIntegerFieldWidget, label="Size of the sample"
    )
    per_hour = forms.IntegerField(
        min_value=1,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
        label="At most so many an hour",
        help_text="Empty: all at once.",
    )
    note = forms.CharField(
        max_length=250,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        label="What changed, in a word",
        help_text="For the history.",
    )

    def __init__(self, version: SequenceVersion, way: str, inside: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        steps: QuerySet[Any] = version.living_steps()
        everybody = [("", "Everybody")]
        self.fields["not_past"].choices = everybody + [(step.key, f"Not past {step.key}") for step in steps]  # type: ignore[attr-defined]
        gone = set()
        if way != PUBLISH or version.sequence.current_version_id is None:
            gone |= {"trial", "percent"}
        if way != PUBLISH:
            gone |= {"note"}
        if not version.triggers:
            gone |= {"backfill", "sample", "per_hour"}
        if not inside:
            gone |= {"in_flight", "not_past"}
        for name in gone:
            del self.fields[name]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("trial") and not data.get("percent"):
            self.add_error("percent", "Say what share of the new people takes part.")
        if data.get("backfill") == Backfill.Mode.SAMPLE and not data.get("sample"):
            self.add_error("sample", "Say how many people.")
        return data


def way_of(version: SequenceVersion) -> str:
    """What to do with a version: publish a draft, promote a canary, go back to an older one; "" for the current."""
    sequence = version.sequence
    if version.state == SequenceVersion.State.DRAFT:
        return PUBLISH
    if version.pk == sequence.canary_version_id:
        return PROMOTE
    return "" if version.pk == sequence.current_version_id else REVERT


def release_url(version: SequenceVersion) -> str:
    return reverse("admin:campaigns_sequenceversion_release", args=[version.pk])


def release(request: HttpRequest, pk: int) -> HttpResponseBase:
    """GET shows what would happen, POST does it. Nothing is written before."""
    versions = SequenceVersion.objects.select_related("sequence__current_version", "sequence__canary_version")
    version = get_object_or_404(versions, pk=pk)
    if not request.user.has_perm("campaigns.change_sequence"):
        raise PermissionDenied
    way, back = way_of(version), reverse("admin:campaigns_sequence_change", args=[version.sequence_id])
    if not way:
        messages.info(request, "People enter this version already.")
        return redirect(back)
    shown = _previews(version, request.GET.get("not_past"))
    given = request.POST if request.method == "POST" else None
    form = ReleaseForm(version, way, shown["stay"].people, given, initial=request.GET.dict())
    if request.method == "POST" and form.is_valid() and _release(request, version, way, form.cleaned_data):
        return redirect(back)
    return _page(request, version, way, form, shown)


def _previews(version: SequenceVersion, not_past: str | None) -> dict[str, Preview]:
    now = clock.now()
    known = not_past if version.living_steps().filter(key=not_past or "").exists() else None
    return {
        policy: preview(version, in_flight=policy, not_past=known if policy == "move" else None, now=now)
        for policy, _ in POLICIES
    }


def _release(request: HttpRequest, version: SequenceVersion, way: str, given: dict[str, Any]) -> bool:
    """Do what was confirmed, and say what came of it; False with everything that is in the way."""
    now, actor = clock.now(), request.user
    choice = {"in_flight": given.get("in_flight") or "stay", "not_past": given.get("not_past") or None}
    if choice["in_flight"] != "move":
        choice["not_past"] = None
    try:
        if given.get("note"):
            SequenceVersion.objects.filter(pk=version.pk).update(note=given["note"])
        match way:
            case "publish" if given.get("trial"):
                canary.start_canary(version, percent=given["percent"], actor=actor, now=now)  # type: ignore[arg-type]
            case "publish":
                publish(version, **choice, actor=actor, now=now)  # type: ignore[arg-type]
            case "revert":
                revert(version, **choice, actor=actor, now=now)  # type: ignore[arg-type]
            case _:
                canary.promote(version.sequence, **choice, actor=actor, now=now)  # type: ignore[arg-type]
    except (PublishRefused, DraftExists) as refused:
        for problem in getattr(refused, "problems", [refused]):
            messages.error(request, f"Not published. {problem}")
        return False
    messages.success(request, _said(version, way, given))
    return _backfilled(request, version, given)


def _said(version: SequenceVersion, way: str, given: dict[str, Any]) -> str:
    if way == PUBLISH and given.get("trial"):
        return f"{version} is tried on {given['percent']} % of the people who enter from now on."
    return f"{version} is published. People enter it from now on."


def _backfilled(request: HttpRequest, version: SequenceVersion, given: dict[str, Any]) -> bool:
    if not given.get("backfill"):
        return True
    sample = given.get("sample") if given["backfill"] == Backfill.Mode.SAMPLE else None
    try:
        begun = launching.start(
            version.sequence,
            mode=given["backfill"],
            sample=sample,
            per_hour=given.get("per_hour"),
            actor=request.user,  # type: ignore[arg-type]
            now=clock.now(),
        )
        messages.success(request, f"{begun.matched:,} people who match already enter in their turn.")
    except LaunchRefused as refused:
        messages.warning(request, f"Nobody else was let in: {refused}")
    return True


def _page(
    request: HttpRequest, version: SequenceVersion, way: str, form: ReleaseForm, shown: dict[str, Preview]
) -> HttpResponse:
    moved = shown["move"]
    context = {
        **admin.site.each_context(request),
        "title": TITLES[way].format(version.number),
        "version": version,
        "sequence": version.sequence,
        "way": way,
        "form": form,
        "problems": moved.problems if way == PUBLISH else [],
        "differences": differences(version.sequence.current_version, version),
        "compared_with": version.sequence.current_version,
        "not_past": request.GET.get("not_past", ""),
        "stay": shown["stay"],
        "move": moved,
        "exit": shown["exit"],
        "samples": _samples(moved),
        "submit_text": TITLES[way].format(version.number),
    }
    return TemplateResponse(request, "admin/campaigns/release.html", context)


def _samples(moved: Preview) -> list[tuple[str, list[Enrollment]]]:
    """A few people of each effect: (what happens to them, their runs)."""
    ids = [pk for several in moved.samples.values() for pk in several]
    runs = Enrollment.objects.select_related("lead").in_bulk(ids)
    return [
        (EFFECTS[kind], [runs[pk] for pk in several if pk in runs])
        for kind, several in sorted(moved.samples.items(), key=lambda pair: list(EFFECTS).index(pair[0]))
    ]


class ReleaseActions:
    """What the page of a version offers: each leads to the page that shows what it would do."""

    admin_site: Any

    def get_urls(self) -> list[Any]:
        own = path("<int:pk>/release/", self.admin_site.admin_view(release), name="campaigns_sequenceversion_release")
        return [own, *super().get_urls()]  # type: ignore[misc]

    @action(
        description="Publish …",
        url_path="publish",
        icon="publish",
        variant=ActionVariant.PRIMARY,
        permissions=["publish"],
    )
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return redirect("admin:campaigns_sequenceversion_release", object_id)

    @action(description="Make it the current one …", url_path="promote", icon="publish", permissions=["promote"])
    def promote(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return redirect("admin:campaigns_sequenceversion_release", object_id)

    @action(description="Go back to this version …", url_path="revert", icon="undo", permissions=["revert"])
    def go_back(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return redirect("admin:campaigns_sequenceversion_release", object_id)

    def has_publish_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return self._may(request, object_id, PUBLISH)

    def has_promote_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return self._may(request, object_id, PROMOTE)

    def has_revert_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return self._may(request, object_id, REVERT)

    def _may(self, request: HttpRequest, object_id: str, way: str) -> bool:
        version = SequenceVersion.objects.select_related("sequence").filter(pk=object_id or 0).first()
        may = request.user.has_perm("campaigns.change_sequence")
        return may and version is not None and way_of(version) == way
