"""One sending of a broadcast: how far it is, and its recipients page by page."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import action, display

from campaigns.admin import badges
from campaigns.admin.broadcast_dialogs import WinnerDialog
from campaigns.broadcasts import control, deciding, recipients
from campaigns.models import BroadcastRun, Message
from lifecycle.core import clock
from lifecycle.core.admin import InsertOnlyAdmin, admin_link, dialog, table
from lifecycle.core.admin.frames import reload_page

MOST_CHOSEN = 1_000


def bar(run: BroadcastRun) -> SafeString | str:
    """How many of the recipients have an end, as a bar."""
    if run.state == BroadcastRun.State.MISSED:
        return "Missed"
    ended = run.recipients - open_of(run)
    return format_html(
        '<meter min="0" max="{}" value="{}" aria-label="Recipients with an end"></meter> {} of {}',
        max(1, run.recipients),
        ended,
        f"{ended:,}",
        f"{run.recipients:,}",
    )


def numbers(run: BroadcastRun) -> str:
    return f"{run.counts.get('sent', 0):,} · {run.counts.get('failed', 0):,} · {open_of(run):,}"


def clicks(run: BroadcastRun) -> str:
    """The share of people among those who got it."""
    sent, clicked = run.counts.get("sent", 0), run.counts.get("clicked", 0)
    return f"{clicked / sent:.1%} ({clicked:,})" if sent else "–"


def open_of(run: BroadcastRun) -> int:
    """As last counted; before the first count all of them."""
    if not run.counts:
        return run.recipients
    return sum(run.counts.get(state, 0) for state in Message.OPEN)


def runs_of(broadcast_ids: Iterable[int]) -> dict[int, BroadcastRun]:
    """The newest run of each broadcast."""
    newest = BroadcastRun.objects.filter(broadcast__in=list(broadcast_ids)).order_by("broadcast_id", "-occurs_at")
    return {run.broadcast_id: run for run in newest.distinct("broadcast_id")}


@admin.register(BroadcastRun)
class BroadcastRunAdmin(InsertOnlyAdmin):
    list_display = ["broadcast", "state_badge", "occurs_at", "progress", "sent", "clicked"]
    list_select_related = ["broadcast"]
    list_filter = [
        ("broadcast", AutocompleteSelectFilter),
        ("state", ChoicesDropdownFilter),
        ("occurs_at", RangeDateTimeFilter),
    ]
    search_fields = ["broadcast__name", "broadcast__slug"]
    ordering = ["-id"]
    actions_detail = ["recipients", "choose_winner"]
    fieldsets = [
        (None, {"fields": [("broadcast_link", "state_badge"), ("occurs_at", "started_at"), ("done_at", "reason")]}),
        ("Recipients", {"fields": ["progress", "by_state", "excluded"]}),
        ("The mail", {"fields": ["arms", ("tested", "decide_at"), "winner_reason"]}),
    ]
    readonly_fields = ["broadcast_link", "state_badge", "progress", "by_state", "arms"]

    def get_urls(self) -> list[Any]:
        views = [("recipients/", self.recipients_page, "people"), ("recipients.csv", self.csv_file, "csv")]
        own = [
            path(f"<int:pk>/{where}", self.admin_site.admin_view(view), name=f"campaigns_broadcastrun_{name}")
            for where, view, name in views
        ]
        return [*own, *super().get_urls()]

    @display(description="Broadcast")
    def broadcast_link(self, run: BroadcastRun) -> str:
        return admin_link(run.broadcast)

    @display(description="State", label=badges.BROADCAST)
    def state_badge(self, run: BroadcastRun) -> str:
        return "Paused" if run.paused_at else run.get_state_display()

    @display(description="Recipients")
    def progress(self, run: BroadcastRun) -> str:
        return bar(run)

    @display(description="Sent · failed · open")
    def sent(self, run: BroadcastRun) -> str:
        return numbers(run)

    @display(description="Clicked")
    def clicked(self, run: BroadcastRun) -> str:
        return clicks(run)

    @display(description="By state")
    def by_state(self, run: BroadcastRun) -> str:
        if not run.counted_at:
            return "Not counted yet"
        base = reverse("admin:campaigns_broadcastrun_people", args=[run.pk])
        rows = [
            [format_html('<a class="text-link" href="{}?state={}">{}</a>', base, state, label), f"{count:,}"]
            for state, label in Message.State.choices
            if (count := run.counts.get(state, 0))
        ]
        return table(["State", f"People, counted {run.counted_at:%H:%M:%S} UTC"], rows) if rows else "Nobody"

    @display(description="Mails")
    def arms(self, run: BroadcastRun) -> str:
        found = {arm.key: arm for arm in deciding.arms_of(run)}
        rows = [
            [
                mail["key"] or "the mail",
                mail["subject"] or "its own subject",
                f"{found[mail['key']].people:,}" if mail["key"] in found else "–",
                f"{found[mail['key']].rate:.1%}" if mail["key"] in found else "–",
                "winner" if run.winner_key and mail["key"] == run.winner_key else "",
            ]
            for mail in run.variants
        ]
        return table(["Mail", "Subject", "Arrived", "Clicked", ""], rows)

    def has_choose_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        if not request.user.has_perm("campaigns.change_broadcastrun"):
            return False
        testing = BroadcastRun.objects.filter(pk=object_id, state=BroadcastRun.State.TESTING, paused_at=None)
        return object_id is None or (str(object_id).isdecimal() and testing.exists())

    @action(description="Recipients", url_path="people", icon="group", permissions=["view"])
    def recipients(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return HttpResponseRedirect(reverse("admin:campaigns_broadcastrun_people", args=[object_id]))

    @action(
        description="Choose the winner",
        url_path="winner",
        icon="emoji_events",
        permissions=["choose"],
        dialog=dialog(
            "Choose the winner now", "Everybody who waits gets this variant. The test ends.", "Send it", WinnerDialog
        ),
    )
    def choose_winner(self, request: HttpRequest, form: WinnerDialog, object_id: str) -> HttpResponseBase:
        key = form.cleaned_data["key"]
        if deciding.decide(int(object_id), key=key, now=clock.now()):
            messages.success(request, f"Variant {key} goes to everybody who waited.")
        else:
            messages.warning(request, "The test is over already, or the broadcast is paused.")
        return reload_page(request, BroadcastRun(pk=int(object_id)))

    def recipients_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        run = self._run(request, pk)
        state = request.GET.get("state", "")
        state = state if state in Message.State.values else ""
        if request.method == "POST":
            self._act(request)
            return HttpResponseRedirect(request.get_full_path())
        after, search = request.GET.get("after", ""), request.GET.get("q", "").replace("\0", "").strip()[:254]
        behind = int(after) if after.isascii() and after.isdecimal() and len(after) < 19 else 0
        page = recipients.found(run, search) if search else recipients.page(run, state=state, after=behind)
        context = {
            "title": f"Recipients of {run.broadcast}",
            "run": run,
            "page": page,
            "state": state,
            "search": search,
        }
        context["states"] = [(key, label, run.counts.get(key, 0)) for key, label in Message.State.choices]
        context["may_act"] = request.user.has_perm("campaigns.change_broadcastrun")
        return render(request, "admin/campaigns/recipients.html", {**self.admin_site.each_context(request), **context})

    def csv_file(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        run = self._run(request, pk)
        state = request.GET.get("state", "")
        lines = _lines(recipients.table(run, state=state if state in Message.State.values else ""))
        name = f"{run.broadcast.slug}-{run.occurs_at:%Y-%m-%d}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)

    def _run(self, request: HttpRequest, pk: int) -> BroadcastRun:
        if not self.has_view_permission(request) or not request.user.has_perm("leads.view_lead"):
            raise PermissionDenied
        run = BroadcastRun.objects.select_related("broadcast").filter(pk=pk).first()
        if run is None:
            raise Http404("There is no such sending.")
        return run

    def _act(self, request: HttpRequest) -> None:
        if not request.user.has_perm("campaigns.change_broadcastrun"):
            raise PermissionDenied
        given = request.POST.getlist("message")[:MOST_CHOSEN]
        ids = [int(text) for text in given if text.isascii() and text.isdecimal() and len(text) < 19]
        match request.POST.get("do", ""):
            case "hold":
                messages.success(request, f"{control.hold(ids):,} are held until you let them go.")
            case "let_go":
                messages.success(request, f"{control.let_go(ids):,} go on.")
            case "cancel":
                count = control.cancel(ids, reason="by hand", now=clock.now())
                messages.success(request, f"{count:,} were taken out. Who was mailed already stays so.")


class _Echo:
    """A file that hands each line back."""

    def write(self, line: str) -> str:
        return line


def _lines(rows: Iterator[list[str]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    return (writer.writerow(row) for row in rows)
