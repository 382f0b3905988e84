"""Adding up: each conversion is shared among its touches by every model, and the credits are summed by value. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from lifecycle.reports.attribution.models import MODELS, Model, Path, apportion
from lifecycle.reports.attribution.paths import Journey, counted
from lifecycle.reports.attribution.questions import Question
from lifecycle.reports.attribution.won import Net, Won

# A conversion is shared in millionths where it is counted rather than paid.
WHOLE = 1_000_000
_NOTHING = Net(0)

# Money and count by each model are added up side by side in one long integer, a lane each: an addition costs what a
# short one does, and none can run over into the next.
_LANE = 96
_ONE_LANE = (1 << _LANE) - 1


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


class Credit(NamedTuple):
    """What a model gives: money in minor units, and conversions in millionths."""

    amount: int = 0
    conversions: int = 0


@dataclass(slots=True)
class Sheet:
    """What is credited in one currency: value → the lanes of all models."""

    models: Sequence[str]
    sums: defaultdict[str | None, int] = field(default_factory=lambda: defaultdict(int))
    totals: Totals = field(default_factory=Totals)

    def credits_of(self, value: str | None) -> dict[str, Credit]:
        lanes = self.sums[value]
        return {
            name: Credit((lanes >> 2 * at * _LANE) & _ONE_LANE, (lanes >> (2 * at + 1) * _LANE) & _ONE_LANE)
            for at, name in enumerate(self.models)
        }


class Adder:
    """Takes conversions person by person; `sheets` has the sums by currency, "" for those without an amount."""

    def __init__(self, asked: Question) -> None:
        self.sheets: dict[str, Sheet] = {}
        self._models = asked.models
        self._half_life = asked.half_life.total_seconds()
        self._lookback = asked.lookback.total_seconds() if asked.lookback is not None else None
        self._skips_direct = asked.skips_direct
        placed = [(at, MODELS[name]) for at, name in enumerate(asked.models)]
        self._by_time = [(at, model) for at, model in placed if not model.by_shape]
        by_shape = [(at, model) for at, model in placed if model.by_shape]

        @lru_cache(maxsize=65_536)  # prices and paths of the same shape come again and again
        def of_shape(touches: int, created: int | None, opportunity: int | None, amount: int) -> list[int]:
            return self._lanes(by_shape, Path(range(touches), created, opportunity), amount)

        self._of_shape = of_shape

    def add(self, won: Won, journey: Journey, values: Sequence[str]) -> None:
        """Share one conversion. `values` are those of the journey's touches."""
        sheet = self._sheet(won.currency)
        sheet.totals.count(won.net or _NOTHING)
        left = won.net.left if won.net else 0
        found = counted(
            journey, at=won.at, became_sql=won.became_sql, lookback=self._lookback, skip_direct=self._skips_direct
        )
        if found is None:
            sheet.sums[None] += self._of_shape(1, None, None, left)[0] + self._timed(Path((0,)), left)[0]
            return
        places, path = found
        sums = sheet.sums
        given = self._of_shape(len(path.times), path.created, path.opportunity, left)
        for place, lanes, further in zip(places, given, self._timed(path, left), strict=True):
            sums[values[place]] += lanes + further

    def _timed(self, path: Path, amount: int) -> Sequence[int]:
        """The lanes of the models that look at the times."""
        return self._lanes(self._by_time, path, amount) if self._by_time else (0,) * len(path.times)

    def _lanes(self, models: Sequence[tuple[int, Model]], path: Path, amount: int) -> list[int]:
        """For each touch what it gets by these models, each in its lanes."""
        given = [0] * len(path.times)
        for at, model in models:
            money, counts = shares(model, path, self._half_life, amount)
            first, second = 2 * at * _LANE, (2 * at + 1) * _LANE
            given = [
                lanes + (cents << first) + (count << second)
                for lanes, cents, count in zip(given, money, counts, strict=True)
            ]
        return given

    def _sheet(self, currency: str) -> Sheet:
        if currency not in self.sheets:
            self.sheets[currency] = Sheet(self._models)
        return self.sheets[currency]


def shares(model: Model, path: Path, half_life: float, amount: int) -> tuple[list[int], list[int]]:
    """What each touch of a path gets of the amount, and of the conversion in millionths."""
    weights = model.weigh(path, half_life)
    return apportion(amount, weights), apportion(WHOLE, weights)
