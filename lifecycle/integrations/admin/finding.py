"""Finding inbox events among many: filters, search and counts that each read an index."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from leads import addresses
from lifecycle.core import sql
from lifecycle.integrations import registry
from lifecycle.integrations.models import InboxEvent, WebhookRule, WebhookSource
from lifecycle.integrations.webhook.provider import FAMILY

MOST = 1_000
UNFINISHED = {"dead": "given up", "parked": "parked", "waiting": "waiting"}
_COUNT = "SELECT count(*) FROM (SELECT FROM integrations_inboxevent WHERE state = %b LIMIT %b) counted"


def senders() -> dict[str, str]:
    """Every sender's name in the inbox → how people call it."""
    vendors = {one.slug: one.title for one in registry.providers()}
    return vendors | {f"{FAMILY}:{slug}": name for slug, name in WebhookSource.objects.values_list("slug", "name")}


class SenderFilter(DropdownFilter):
    title = "sender"
    parameter_name = "sender"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(senders().items())

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(provider=self.value()) if self.value() else queryset


class KindFilter(DropdownFilter):
    """Kinds that mean something here; any other is found by the search."""

    title = "kind"
    parameter_name = "of_kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        known = {kind: f"{one.title}: {kind}" for one in registry.providers() for kind in one.handlers}
        ruled = WebhookRule.objects.select_related("source").order_by("source__name", "kind")
        return list((known | {rule.kind: f"{rule.source.name}: {rule.kind}" for rule in ruled}).items())

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(kind=self.value()) if self.value() else queryset


def search(rows: "QuerySet[InboxEvent]", term: str) -> "QuerySet[InboxEvent]":
    """By a whole address that the body names, a whole kind, a sender's whole key, or what a parked event waits for."""
    term = term.strip()
    if "@" in term and (hashed := addresses.hash_of(term)):
        return rows.filter(Q(address_hash=hashed) | Q(named__contains=[hashed]))
    by_key = Q(provider__in=senders(), key=term)  # as the index of keys begins with the sender
    return rows.filter(by_key | Q(kind=term) | Q(state=InboxEvent.State.PARKED, waits_for=term))


def unfinished() -> list[tuple[str, str, str]]:
    """What did not come to its end, the worst first: state, how people call it, how many (as words)."""
    counts = {state: sql.fetch(_COUNT, [state, MOST + 1])[0][0] for state in UNFINISHED}
    return [
        (state, words, f"{min(counts[state], MOST):,}{'+' if counts[state] > MOST else ''}")
        for state, words in UNFINISHED.items()
        if counts[state]
    ]
