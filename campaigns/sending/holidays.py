"""Days on which mails of windows that skip holidays do not leave: everybody's, and those of a person's country."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files

from campaigns.engine.windows import FARTHEST, Window
from lifecycle.core import sql

_HOLIDAYS = "SELECT day, country FROM campaigns_holiday WHERE day BETWEEN %b AND %b"
EVERYBODY = ""


class Holidays:
    """The holidays of a batch of people, by country."""

    def __init__(self, rows: list[tuple[date, str]]) -> None:
        self._by_country: dict[str, set[date]] = defaultdict(set)
        for day, country in rows:
            self._by_country[country.upper()].add(day)
        self._of: dict[str, frozenset[date]] = {}

    def of(self, country: str) -> frozenset[date]:
        """Those of somebody in `country`, which is as they wrote it: "DE", "Germany" or nothing."""
        if country not in self._of:
            own = self._by_country.get(code_of(country), set())
            self._of[country] = frozenset(self._by_country.get(EVERYBODY, set()) | own)
        return self._of[country]


def load(windows: Iterable[Window | None], *, now: datetime) -> Holidays:
    """The holidays that decisions at `now` may meet. One query if one of the windows skips holidays, else none."""
    if not any(window is not None and window.skip_holidays for window in windows):
        return NONE
    around = now.date()
    return Holidays(sql.fetch(_HOLIDAYS, [around - timedelta(days=3), around + timedelta(days=FARTHEST + 3)]))


NONE = Holidays([])


def code_of(country: str) -> str:
    """Two letters of ISO 3166 for a code or an English name; "" if it is neither."""
    text = country.strip()
    return text.upper() if len(text) == 2 else _codes().get(text.casefold(), "")


@cache
def _codes() -> dict[str, str]:
    """English names of countries, as the time zone database lists them."""
    table = (files("tzdata.zoneinfo") / "iso3166.tab").read_text(encoding="utf-8")
    pairs = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    names = {name.casefold(): code for code, name in pairs}
    return names | {"united kingdom": "GB", "great britain": "GB", "usa": "US", "united states of america": "US"}
