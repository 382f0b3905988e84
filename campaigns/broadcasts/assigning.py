"""Who of a broadcast's recipients gets which mail, and when. Pure and stable: asked again, it answers the same."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.engine.variants import Variant, choose


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run deals its mails out. `variants`: their `template_id` is the version that is sent."""

    run_id: int
    variants: Sequence[Variant]
    test_percent: int
    starts_at: datetime
    per_hour: int | None

    @property
    def is_tested(self) -> bool:
        return bool(self.test_percent) and len(self.variants) > 1


@dataclass(frozen=True, slots=True)
class Place:
    """What one recipient gets. Who is held waits for the winner; their variant is for the time being."""

    lead_id: int
    variant: Variant
    due_at: datetime
    is_held: bool


def assign(plan: Plan, lead_ids: Iterable[int], *, queued: int) -> list[Place]:
    """Places in the order given. `queued`: how many have one that is not held; the throttle goes on there."""
    places: list[Place] = []
    for lead_id in lead_ids:
        if plan.is_tested and not _tries(plan, lead_id):
            places.append(Place(lead_id, plan.variants[0], plan.starts_at, True))
            continue
        variant = choose(plan.variants, experiment=f"broadcast:{plan.run_id}", lead_id=lead_id)
        places.append(Place(lead_id, variant, spread(plan.starts_at, queued, plan.per_hour), False))
        queued += 1
    return places


def spread(starts_at: datetime, place: int, per_hour: int | None) -> datetime:
    """When the mail at `place` (from 0) leaves at the earliest, at so many an hour."""
    return starts_at + timedelta(hours=place / per_hour) if per_hour else starts_at


def _tries(plan: Plan, lead_id: int) -> bool:
    """Whether the lead is one of those who try the variants: other people in each run."""
    halves = (Variant("tries", plan.test_percent, 0), Variant("waits", 100 - plan.test_percent, 0))
    return choose(halves, experiment=f"broadcast:{plan.run_id}:test", lead_id=lead_id).key == "tries"
