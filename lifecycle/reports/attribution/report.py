"""The report itself: what is asked for, read once, shared and told as rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from lifecycle.core import money
from lifecycle.reports.attribution import reading
from lifecycle.reports.attribution.adding import Adder, Credit, Sheet, Totals
from lifecycle.reports.attribution.dimensions import DIMENSIONS
from lifecycle.reports.attribution.paths import Journey
from lifecycle.reports.attribution.questions import Question
from lifecycle.reports.attribution.reading import Refunds
from lifecycle.reports.attribution.won import Won

NOWHERE = Journey((), ())


@dataclass(frozen=True, slots=True)
class Row:
    """A value of the dimension, None for what no touch led to, with the credit by each model."""

    value: str | None
    label: str
    credits: Mapping[str, Credit]


@dataclass(frozen=True, slots=True)
class Section:
    """The conversions of one currency; "" are those without an amount."""

    currency: str
    totals: Totals
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Report:
    asked: Question
    sections: Sequence[Section]
    notes: Sequence[str]


def attribution(asked: Question) -> Report:
    """Who gets the credit. Three queries, however much there is; two for what cannot be refunded."""
    refunds = reading.refunds(asked)
    found = reading.conversions(asked, refunds)
    adder = Adder(asked)
    for person, journey, values in _side_by_side(found, reading.journeys(asked) if found else iter(())):
        for each in person:
            adder.add(each, journey, values)
    sections = [_section(asked, currency, adder.sheets[currency]) for currency in sorted(adder.sheets, key=_by_name)]
    return Report(asked, sections, list(_notes(found, refunds)))


def _side_by_side(
    found: Iterable[Won], journeys: Iterator[tuple[int, Journey, Sequence[str]]]
) -> Iterator[tuple[Iterable[Won], Journey, Sequence[str]]]:
    """Each person's conversions with their touches, both in the order of the people."""
    ahead = next(journeys, None)
    for lead_id, person in groupby(found, attrgetter("lead_id")):
        while ahead is not None and ahead[0] < lead_id:
            ahead = next(journeys, None)
        if ahead is not None and ahead[0] == lead_id:
            yield person, ahead[1], ahead[2]
        else:
            yield person, NOWHERE, ()
    for _ in journeys:  # people whose conversion came between the two statements
        pass


def _by_name(currency: str) -> tuple[bool, str]:
    """Money first; what has no amount comes after it."""
    return not currency, currency


def _section(asked: Question, currency: str, sheet: Sheet) -> Section:
    """The most credited first, the unattributed last."""
    dimension = DIMENSIONS[asked.by]
    rows = [Row(value, dimension.label_of(value), sheet.credits_of(value)) for value in list(sheet.sums)]
    return Section(currency, sheet.totals, sorted(rows, key=_rank))


def _rank(row: Row) -> tuple[bool, int, int, str]:
    amount = sum(credit.amount for credit in row.credits.values())
    conversions = sum(credit.conversions for credit in row.credits.values())
    return row.value is None, -amount, -conversions, row.label


def _notes(found: Sequence[Won], refunds: Refunds) -> Iterator[str]:
    """What could not be counted, in sentences."""
    unpriced = sum(each.net is None for each in found)
    if 0 < unpriced < len(found):
        yield f"{_several(unpriced, 'conversion')} without an amount: counted, but worth nothing here."
    for currency in sorted({each.currency for each in found if each.net and each.net.beyond}):
        beyond = sum(each.net.beyond for each in found if each.net and each.currency == currency)
        yield f"{money.from_minor(beyond, currency):,} {currency} refunded beyond what was paid: not subtracted."
    foreign = sum(each.net.foreign for each in found if each.net)
    if foreign:
        yield f"{_several(foreign, 'refund')} in another currency than the payment: not subtracted."
    if refunds.orphans:
        yield f"{_several(len(refunds.orphans), 'refund')} of a payment that is not known: subtracted once it is."


def _several(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
