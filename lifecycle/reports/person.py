"""Everything that is kept about one person, for the person. New tables come along by themselves."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import ForeignObjectRel, Model
from django.db.models.fields.related import ForeignKey

from campaigns.models import Suppression
from leads.models import Consent, Lead

# Our own machinery, which says nothing about anybody.
INNER = frozenset({"lease_token", "lease_until", "handed_at", "named"})
# What other systems told of the person: rows that stay without them, emptied.
TOLD = frozenset({"integrations.InboxEvent"})


def everything_about(lead: Lead) -> dict[str, Any]:
    """The lead's row under "lead", every row of every table that hangs on it under its plural name, and its opt-outs.

    JSON values apart from dates and UUIDs. Rows are oldest first.
    """
    kept: dict[str, Any] = {"lead": _columns(lead)}
    seen: set[type[Model]] = {Lead}
    layer: dict[type[Model], list[Model]] = {Lead: [lead]}
    while layer:
        layer = {model: rows for model, rows in _hanging(layer, seen) if rows}
        seen |= layer.keys()
        for model, rows in layer.items():
            kept[str(model._meta.verbose_name_plural)] = [_columns(row) for row in rows]
    blocks = Suppression.objects.filter(address_hash=lead.address_hash).order_by("pk")
    kept["suppressions"] = [_columns(block) for block in blocks]
    return kept


def _hanging(
    layer: dict[type[Model], list[Model]], seen: Iterable[type[Model]]
) -> Iterator[tuple[type[Model], list[Model]]]:
    """The rows that point at those of `layer`, by model; a model that was met already is left out."""
    met = set(seen)
    for model, rows in layer.items():
        for relation in model._meta.get_fields(include_hidden=True):
            other: Any = relation.related_model
            if not isinstance(relation, ForeignObjectRel) or other in met or not _belongs(relation):
                continue
            met.add(other)
            found = other._base_manager.filter(**{f"{relation.field.name}__in": [row.pk for row in rows]})
            yield other, list(found.order_by("pk"))


def _belongs(relation: ForeignObjectRel) -> bool:
    """Rows that would go with the person; those that only mention something of theirs do not."""
    own = getattr(relation.on_delete, "__name__", "") == "CASCADE" or relation.related_model is Consent
    return own or relation.related_model._meta.label in TOLD


def _columns(row: Model) -> dict[str, Any]:
    fields = [field for field in row._meta.concrete_fields if field.name not in INNER]
    return {
        (field.attname if isinstance(field, ForeignKey) else field.name): _plain(field.value_from_object(row))
        for field in fields
    }


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return value
