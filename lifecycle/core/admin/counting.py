"""Counts beside the rows of a list, taken for the rows of the page only."""

from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce


def counted(rows: "QuerySet[Any]", foreign_key: str) -> Coalesce:
    """How many of `rows` point to the listed row: an annotation that joins nothing and so multiplies nothing."""
    ours = rows.filter(**{foreign_key: OuterRef("pk")}).order_by().values(foreign_key)
    return Coalesce(Subquery(ours.annotate(how_many=Count("pk")).values("how_many")), 0)
