"""A report in figures for programs and spreadsheets: amounts as text, exact to the minor unit."""

import csv
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from typing import Any

from lifecycle.core import cells, money
from lifecycle.reports.attribution.adding import Credit, Totals
from lifecycle.reports.attribution.questions import Question
from lifecycle.reports.attribution.report import Report, Section


def amount(minor: int, currency: str) -> str:
    """9900 EUR → 99.00"""
    return f"{money.from_minor(minor, currency):f}"


def count(millionths: int) -> str:
    """333333 → 0.333333"""
    return f"{Decimal(millionths).scaleb(-6):f}"


def as_json(report: Report) -> dict[str, Any]:
    return {
        "settings": settings(report.asked),
        "totals": [_totals(section.currency, section.totals) for section in report.sections],
        "rows": [row for section in report.sections for row in _rows(section)],
        "notes": list(report.notes),
    }


def settings(asked: Question) -> dict[str, Any]:
    """The rules that the figures were made by."""
    return {
        "conversion": asked.conversion,
        "by": asked.by,
        "models": list(asked.models),
        "from": asked.since,
        "to": asked.until,
        "currency": asked.currency,
        "lookback_days": asked.lookback.days if asked.lookback is not None else None,
        "half_life_days": asked.half_life.days,
        "direct": "skip" if asked.skips_direct else "count",
        "audience_type": asked.audience_type,
        "primary_audience": asked.primary_audience,
    }


def as_csv(report: Report) -> str:
    """The table as a CSV file that a spreadsheet opens and calculates nothing of."""
    file = StringIO()
    csv.writer(file).writerows(cells.escape_row(row) for row in as_table(report))
    return file.getvalue()


def as_table(report: Report) -> Iterator[list[str]]:
    """Rows of a table, its head first: two columns for each model."""
    names = report.asked.models
    yield [report.asked.by, "currency", *(f"{name}_{what}" for name in names for what in ("amount", "conversions"))]
    for section in report.sections:
        for row in section.rows:
            figures = [each for name in names for each in _figures(row.credits[name], section.currency)]
            yield [row.label, section.currency, *("" if each is None else each for each in figures)]


def _totals(currency: str, totals: Totals) -> dict[str, Any]:
    paid = {"paid": totals.paid, "refunded": totals.refunded, "net": totals.net}
    return {
        "currency": currency,
        "conversions": totals.conversions,
        **{name: amount(minor, currency) if currency else None for name, minor in paid.items()},
    }


def _rows(section: Section) -> Iterator[dict[str, Any]]:
    for row in section.rows:
        told = {name: _figures(credit, section.currency) for name, credit in row.credits.items()}
        yield {
            "value": row.value,
            "label": row.label,
            "currency": section.currency,
            "credits": {name: {"amount": each[0], "conversions": each[1]} for name, each in told.items()},
        }


def _figures(credit: Credit, currency: str) -> tuple[str | None, str]:
    return amount(credit.amount, currency) if currency else None, count(credit.conversions)
