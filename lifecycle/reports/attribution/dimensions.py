"""What credit is reported by: where a touch came from, where it landed, which mail or form it was."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from leads import channels

Clause = tuple[str, list[Any]]
UNATTRIBUTED = "Unattributed"


@dataclass(frozen=True, slots=True)
class Dimension:
    """`clause` gives the SQL of a touch's value under the alias `t`, and its parameters; `none` names the empty one."""

    name: str
    label: str
    none: str
    clause: Callable[[], Clause]

    def label_of(self, value: str | None) -> str:
        return UNATTRIBUTED if value is None else value or self.none


def _column(text: str) -> Callable[[], Clause]:
    return lambda: (text, [])


def _channel() -> Clause:
    return channels.current().case("t")


DIMENSIONS: dict[str, Dimension] = {
    dimension.name: dimension
    for dimension in (
        Dimension("campaign", "Campaign", "No campaign", _column("t.campaign")),
        Dimension("source", "Source", "No source", _column("t.source")),
        Dimension("medium", "Medium", "No medium", _column("t.medium")),
        Dimension(
            "source_medium",
            "Source / medium",
            "No source",
            _column("CASE WHEN t.medium = '' THEN t.source ELSE t.source || ' / ' || t.medium END"),
        ),
        Dimension("channel", "Channel", "No channel", _channel),
        Dimension("landing_page", "Landing page", "No page", _column("t.landing_path")),
        Dimension("sequence", "Sequence or broadcast", "No mail of ours", _column("t.sequence")),
        Dimension("mail", "Mail", "No mail of ours", _column("t.mail")),
        Dimension("form", "Form", "No form", _column("t.form")),
    )
}
