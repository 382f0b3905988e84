"""Credits as they stand on a page: figures with their units, and how long their bars are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from lifecycle.core import money
from lifecycle.reports.attribution import DIMENSIONS, MODELS, Credit, Question, Report, Row, Section
from lifecycle.reports.attribution.details import Explained, Step

SHOWN = 50
OTHERS = "All others"


@dataclass(frozen=True, slots=True)
class Cell:
    """`share` is of the section's whole, from 0 to 100."""

    amount: str
    conversions: str
    share: float


@dataclass(frozen=True, slots=True)
class Line:
    """`query` leads to what stands behind it; "" where several values are put together."""

    label: str
    is_unattributed: bool
    query: str
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Shown:
    currency: str
    conversions: str
    paid: str
    refunded: str
    net: str
    lines: Sequence[Line]
    totals: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Told:
    """A conversion behind a row."""

    explained: Explained
    worth: str
    refunded: str
    steps: Sequence[tuple[Step, Sequence[Cell]]]

    def in_short(self) -> Iterator[tuple[Step, str]]:
        """Each touch with the models that give it anything: “First touch 100 % · Linear 25 %”."""
        for step, cells in self.steps:
            given = zip(step.given, cells, strict=True)
            yield step, " · ".join(f"{MODELS[name].label} {cell.share:g}\u00a0%" for name, cell in given if cell.share)


def sections(report: Report, query: Mapping[str, str]) -> list[Shown]:
    return [_shown(report.asked, section, query) for section in report.sections]


def label(asked: Question, value: str | None) -> str:
    return DIMENSIONS[asked.by].label_of(value)


def told(explained: Explained) -> Told:
    net, currency = explained.net, explained.currency
    whole = Credit(net.left if net else 0, 1_000_000)
    return Told(
        explained,
        worth=_money(net.paid, currency) if net else "",
        refunded=_money(net.refunded, currency) if net and net.refunded else "",
        steps=[
            (step, [_cell(credit, whole, currency if net else "") for credit in step.given.values()])
            for step in explained.steps
        ],
    )


def _shown(asked: Question, section: Section, query: Mapping[str, str]) -> Shown:
    currency, totals = section.currency, section.totals
    whole = Credit(totals.net, totals.conversions * 1_000_000)
    return Shown(
        currency,
        f"{totals.conversions:,}",
        _money(totals.paid, currency),
        _money(totals.refunded, currency),
        _money(totals.net, currency),
        list(_lines(asked, section, whole, query)),
        [_cell(whole, whole, currency)] * len(asked.models),
    )


def _lines(asked: Question, section: Section, whole: Credit, query: Mapping[str, str]) -> Iterator[Line]:
    """The first rows, the others put together, and always the unattributed."""
    attributed = [row for row in section.rows if row.value is not None]
    query = {**query, "currency": section.currency or money.NONE}
    for row in attributed[:SHOWN]:
        here = urlencode({**query, "value": row.value or ""})
        yield _line(asked, row, section.currency, whole, here)
    if rest := attributed[SHOWN:]:
        together = {name: _together([row.credits[name] for row in rest]) for name in asked.models}
        named = Row("", f"{OTHERS} ({len(rest):,})", together)
        yield _line(asked, named, section.currency, whole, "")
    for row in section.rows[len(attributed) :]:
        here = urlencode({**query, "nobody": "1"})
        yield _line(asked, row, section.currency, whole, here)


def _line(asked: Question, row: Row, currency: str, whole: Credit, query: str) -> Line:
    cells = [_cell(row.credits[name], whole, currency) for name in asked.models]
    return Line(row.label, row.value is None, query, cells)


def _together(given: Sequence[Credit]) -> Credit:
    return Credit(sum(each.amount for each in given), sum(each.conversions for each in given))


def _cell(credit: Credit, whole: Credit, currency: str) -> Cell:
    share = credit.amount / whole.amount if whole.amount else credit.conversions / (whole.conversions or 1)
    amount = _money(credit.amount, currency) if currency else ""
    return Cell(amount, f"{credit.conversions / 1e6:,.2f}", round(100 * share, 1))


def _money(minor: int, currency: str) -> str:
    return f"{money.from_minor(minor, currency):,}" if currency else ""
