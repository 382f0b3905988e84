"""Adding up: each conversion is shared among its touches by every model, and the credits are summed by value. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from lifecycle.reports.attribution.models import MODELS, Model, Path, apportion
from lifecycle.reports.attribution.paths import Journey, counted
from lifecycle.reports.attribution.questions import Question
from lifecycle.reports.attribution.won import Net, Won

# A conversion is shared in millionths where it is counted rather than paid.
WHOLE = 1_000_000
_NOTHING = Net(0)
Sums = defaultdict[str | None, int]


@dataclass(slots=True)
class Totals:
    """Of all conversions in one currency, in its minor units."""

    conversions: int = 0
    paid: int = 0
    refunded: int = 0

    @property
    def net(self) -> int:
        return self.paid - self.refunded

    def count(self, net: Net) -> None:
        self.conversions += 1
        self.paid += net.paid
        self.refunded += net.refunded


@dataclass(slots=True)
class Sheet:
    """The credits in one currency: for each model, value → minor units and value → millionths of conversions."""

    money: Mapping[str, Sums]
    counts: Mapping[str, Sums]
    totals: Totals = field(default_factory=Totals)


class Adder:
    """Takes conversions person by person; `sheets` has the sums by currency, "" for those without an amount."""

    def __init__(self, asked: Question) -> None:
        self.sheets: dict[str, Sheet] = {}
        self._models = [MODELS[name] for name in asked.models]
        self._half_life = asked.half_life.total_seconds()
        self._lookback = asked.lookback.total_seconds() if asked.lookback is not None else None
        self._skips_direct = asked.skips_direct

    def add(self, won: Won, journey: Journey, values: Sequence[str]) -> None:
        """Share one conversion. `values` are those of the journey's touches."""
        sheet = self._sheet(won.currency)
        sheet.totals.count(won.net or _NOTHING)
        left = won.net.left if won.net else 0
        path = counted(
            journey, at=won.at, became_sql=won.became_sql, lookback=self._lookback, skip_direct=self._skips_direct
        )
        if path is None:
            self._give(sheet, None, left)
            return
        places = path.places
        shown = values[places.start : places.stop] if isinstance(places, range) else [values[place] for place in places]
        for model in self._models:
            money, counts = shares(model, path.path, self._half_life, left)
            _sum(sheet.counts[model.name], shown, counts)
            if left:
                _sum(sheet.money[model.name], shown, money)

    def _give(self, sheet: Sheet, value: str | None, left: int) -> None:
        """All of a conversion to one value, by every model."""
        for model in self._models:
            sheet.counts[model.name][value] += WHOLE
            sheet.money[model.name][value] += left

    def _sheet(self, currency: str) -> Sheet:
        if currency not in self.sheets:
            names = [model.name for model in self._models]
            self.sheets[currency] = Sheet({name: Sums(int) for name in names}, {name: Sums(int) for name in names})
        return self.sheets[currency]


def shares(model: Model, path: Path, half_life: float, amount: int) -> tuple[Sequence[int], Sequence[int]]:
    """What each touch of a path gets of the amount, and of the conversion in millionths."""
    weights = model.weigh(path, half_life)
    if model.by_shape:
        return _shared(amount, weights), _shared(WHOLE, weights)
    return apportion(amount, weights), apportion(WHOLE, weights)


# Prices and paths of the same length come again and again.
_shared = lru_cache(maxsize=65_536)(apportion)


def _sum(sums: Sums, values: Iterable[str], given: Iterable[int]) -> None:
    for value, credit in zip(values, given, strict=True):
        if credit:
            sums[value] += credit
