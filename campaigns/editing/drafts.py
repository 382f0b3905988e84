"""Drafts: the one place where what a sequence does is edited."""

from typing import Any

from django.db import transaction
from django.db.models import Max

from campaigns.models import Sequence, SequenceVersion, Variant

# What belongs to one version alone; everything else of a version, a step or a variant is content and copied.
_OF_VERSION = {"id", "sequence", "number", "state", "note", "published_at"}


class DraftExists(ValueError):
    """There is a draft already, and it would be lost."""


@transaction.atomic
def new_draft(sequence: Sequence) -> SequenceVersion:
    """The draft of a sequence: the one there is, or a copy of the current version, or an empty one."""
    sequence = Sequence.objects.select_for_update(no_key=True).get(pk=sequence.pk)
    draft = sequence.versions.filter(state=SequenceVersion.State.DRAFT).first()
    return draft or _made(sequence, sequence.current_version)


@transaction.atomic
def draft_from(model: SequenceVersion) -> SequenceVersion:
    """A new draft that equals an older version. Raises DraftExists."""
    sequence = Sequence.objects.select_for_update(no_key=True).get(pk=model.sequence_id)
    draft = sequence.versions.filter(state=SequenceVersion.State.DRAFT).first()
    if draft is not None:
        raise DraftExists(f"version {draft.number} is a draft: publish it or delete it first")
    return _made(sequence, model)


def _made(sequence: Sequence, model: SequenceVersion | None) -> SequenceVersion:
    last = sequence.versions.aggregate(last=Max("number"))["last"] or 0
    content = _content(model, _OF_VERSION) if model else {}
    draft = SequenceVersion.objects.create(sequence=sequence, number=last + 1, **content)
    steps = model.steps.filter(is_tombstone=False).prefetch_related("variants") if model else []
    for step in steps:
        chosen = list(step.variants.all())
        step.pk, step.version, step._state.adding = None, draft, True
        step.save()
        for variant in chosen:
            Variant.objects.create(step=step, **_content(variant, {"id", "step"}))
    return draft


def _content(row: Any, without: set[str]) -> dict[str, Any]:
    return {
        field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if field.name not in without
    }
