"""What is asked of the report: which conversions, by what, under which rules."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from leads.models import Conversion, Workspace
from leads.models.conversion import OF_PAYMENTS
from lifecycle.reports.attribution.models import MODELS

ASKED = {kind.value: kind.label for kind in Conversion.Kind if kind not in OF_PAYMENTS}
Direct = Literal["count", "skip"]


@dataclass(frozen=True, slots=True)
class Question:
    """`since` to `until` (exclusive) are of the conversion. `lookback` None: all touches before it count.

    `direct="skip"` leaves out touches without an origin when the person has others. "" of a filter: all of them.
    """

    lookback: timedelta | None
    half_life: timedelta
    conversion: str = "purchase"
    by: str = "campaign"
    models: tuple[str, ...] = tuple(MODELS)
    since: datetime | None = None
    until: datetime | None = None
    currency: str = ""
    audience_type: str = ""
    primary_audience: str = ""
    direct: Direct = "count"
    lead_id: int | None = None

    @property
    def skips_direct(self) -> bool:
        """A form is where something happened, not where somebody came from: none of them is left out."""
        return self.direct == "skip" and self.by != "form"


def question(*, workspace: Workspace | None = None, lookback_days: int | None = None, **asked: object) -> Question:
    """A question under the workspace's settings; `lookback_days` 0 is without a limit."""
    workspace = workspace or Workspace.load()
    days = workspace.attribution_lookback_days if lookback_days is None else lookback_days
    usual = Question(
        lookback=timedelta(days=days) if days else None,
        half_life=timedelta(days=workspace.attribution_half_life_days),
    )
    return replace(usual, **asked)  # type: ignore[arg-type]
