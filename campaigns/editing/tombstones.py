"""Ids of steps are for ever: what a version no longer has stays in it as a tombstone.

So history, unique message keys and reports survive an edit, people who stand at a removed step go on, and an id never
comes back as something else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from campaigns.engine.deciding import Journey
from campaigns.engine.steps import Step as Stage
from campaigns.engine.steps import TombstoneStep
from campaigns.models import SequenceVersion, Step

# Kinds of waits may change into each other: nothing of them outlives the run that waits.
_WAITS = {Step.Kind.WAIT, Step.Kind.WAIT_CALENDAR, Step.Kind.WAIT_EVENT, Step.Kind.WAIT_DATE}


def merged(living: Sequence[str], histories: Sequence[Sequence[str]]) -> list[str]:
    """The living ids in their order with every earlier one after what it once followed. `histories`: newest first.

    A step put in the place of a removed one comes after its tombstone, so whoever stood there meets it.
    """
    order = list(living)
    for history in histories:
        before = ""
        for key in history:
            if key not in order:
                order.insert(order.index(before) + 1 if before else 0, key)
            before = key
    return order


def published(version: SequenceVersion) -> list[list[Step]]:
    """The steps of all published versions of its sequence, newest first."""
    by_version: dict[int, list[Step]] = {}
    rows = Step.objects.filter(version__sequence_id=version.sequence_id, version__state="published")
    for step in rows.select_related("version").order_by("-version__number", "position", "id"):
        by_version.setdefault(step.version_id, []).append(step)
    return list(by_version.values())


def reused(version: SequenceVersion, steps: Sequence[Step]) -> Iterator[tuple[str, str]]:
    """(step, complaint) for each id that was another kind of step before."""
    before: dict[str, Step] = {}
    for history in published(version):
        for step in history:
            before.setdefault(step.key, step)
    for step in steps:
        old = before.get(step.key)
        if old is not None and _family(old.kind) != _family(step.kind):
            was = f"“{old.get_kind_display()}” in version {old.version.number}"
            yield step.key, f"this id was {was}; ids of steps are for ever, choose another"


def _family(kind: str) -> str:
    return Step.Kind.WAIT if kind in _WAITS else kind


def bury(version: SequenceVersion) -> list[str]:
    """Write the tombstones of a draft that is about to be published, and everybody's place; ids that are new ones."""
    living = {step.key: step for step in version.steps.filter(is_tombstone=False)}
    histories = published(version)
    known = {step.key: step for history in reversed(histories) for step in history}
    order = merged(list(living), [[step.key for step in history] for history in histories])
    version.steps.filter(is_tombstone=True).delete()
    graves = [
        Step(version=version, key=key, kind=known[key].kind, position=place, is_tombstone=True)
        for place, key in enumerate(order)
        if key not in living
    ]
    if not graves:
        return []
    for key, step in living.items():
        step.position = order.index(key)
    Step.objects.bulk_update(living.values(), ["position"])
    Step.objects.bulk_create(graves)
    newest = {step.key for step in histories[0] if not step.is_tombstone}
    return [grave.key for grave in graves if grave.key in newest]


def foreseen(journey: Journey, version: SequenceVersion) -> Journey:
    """The journey of a draft, or of an older version, as it would be published: with its tombstones."""
    living: dict[str, Stage] = {step.key: step for step in journey.steps if not isinstance(step, TombstoneStep)}
    order = merged(list(living), [[step.key for step in history] for history in published(version)])
    steps = tuple(living.get(key) or TombstoneStep(key) for key in order)
    return replace(journey, steps=steps, index={step.key: place for place, step in enumerate(steps)})
