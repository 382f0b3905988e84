"""Leads as a CSV file that our own import and any spreadsheet read. Streamed, so that memory stays flat.

Read page by page in the order of ids, without a cursor or a transaction that stays open for the length of a download.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db.models import Func, QuerySet, TextField

from leads.models import Lead
from lifecycle.core.cells import Echo, escape_row

PAGE = 2_000
MOST_ATTRIBUTES = 200

# Heading → ORM path, in groups that can be chosen. Import reads the profile back and leaves the rest out.
GROUPS: dict[str, tuple[str, dict[str, str]]] = {
    "profile": (
        "Profile",
        {
            "first_name": "first_name",
            "last_name": "last_name",
            "phone": "phone",
            "job_title": "job_title",
            "role": "role",
            "department": "department",
            "company": "company_name",
            "company_size": "company_size",
            "industry": "industry",
            "country": "country",
            "timezone": "timezone",
            "organization_type": "organization_type",
            "audience_type": "audience_type",
            "primary_audience": "primary_audience",
            "is_client": "is_client",
        },
    ),
    "standing": (
        "Stage, scores, owner",
        {
            "id": "id",
            "stage": "stage",
            "stage_since": "stage_since",
            "fit_score": "fit_score",
            "intent_score": "intent_score",
            "score": "score",
            "temperature": "temperature",
            "engagement_tier": "engagement_tier",
            "owner": "owner__username",
            "demo_booked": "demo_booked",
            "demo_at": "demo_at",
            "webinars": "webinars",
            "last_human_act_at": "last_human_act_at",
            "created_at": "created_at",
        },
    ),
    "origin": (
        "Where they came from",
        {
            "form_source": "form_source",
            **{
                f"{which}_{part}": f"{which}_touch__{part}"
                for which in ("original", "latest")
                for part in ("source", "medium", "campaign", "landing_page", "occurred_at")
            },
        },
    ),
}
ATTRIBUTES = "attributes"
EVERYTHING = (*GROUPS, ATTRIBUTES)


def leads_csv(leads: "QuerySet[Lead]", groups: Sequence[str] = EVERYTHING) -> Iterator[str]:
    """The file's lines: a heading, and a row a lead. Begins with a mark by which spreadsheets know UTF-8."""
    columns = {"email": "email"}
    for group in groups:
        columns |= GROUPS[group][1] if group in GROUPS else {}
    names = attribute_names(leads) if ATTRIBUTES in groups else []
    writer = csv.writer(Echo())
    yield "\ufeff" + writer.writerow(escape_row([*columns, *(f"attributes.{name}" for name in names)]))
    for row, attributes in _rows(leads, list(columns.values())):
        yield writer.writerow(escape_row([*row, *(attributes.get(name) for name in names)]))


def attribute_names(leads: "QuerySet[Lead]") -> list[str]:
    """The attributes that any of these leads has, at most `MOST_ATTRIBUTES`."""
    key: Func = Func("attributes", function="jsonb_object_keys", output_field=TextField())
    found = leads.exclude(attributes={}).order_by().annotate(key=key).values_list("key", flat=True).distinct()
    return sorted(found[:MOST_ATTRIBUTES])


def _rows(leads: "QuerySet[Lead]", paths: Sequence[str]) -> Iterator[tuple[Iterable[Any], dict[str, Any]]]:
    last = 0
    while True:
        page = list(
            leads.filter(pk__gt=last).order_by("pk").values_list("pk", "attributes", *dict.fromkeys(paths))[:PAGE]
        )
        for _, attributes, *row in page:
            yield row, attributes
        if len(page) < PAGE:
            return
        last = page[-1][0]
