"""The form behind a door, with what taking in a post needs to know of the workspace: one statement a post."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings

from leads.models import Form, Workspace
from lifecycle.core import sql

_ACTIVE = """
    SELECT {columns} FROM leads_form f LEFT JOIN leads_workspace w ON w.id = 1 WHERE f.slug = %b AND f.is_active
"""
_BLANK = re.compile(r"\{\{\s*workspace\.(\w+)\s*\}\}")
_SHOWN = frozenset(
    {"name", "sender_name", "postal_address", "site_url", "booking_url", "docs_url", "pricing_url", "app_url"}
)


@dataclass(frozen=True, slots=True)
class OpenForm:
    """An active form as it was when the post came, and the workspace whose form it is."""

    form: Form
    workspace: Workspace

    def shown(self, text: str) -> str:
        """A text of the form as people read it, with {{ workspace.name }} and the like filled in."""
        return _BLANK.sub(lambda blank: str(getattr(self.workspace, blank[1])) if blank[1] in _SHOWN else "", text)


def active(slug: str) -> OpenForm | None:
    """The active form of that slug; None if there is none."""
    forms, spaces, statement = _selection()
    rows = sql.fetch(statement, [sql.storable(slug)])
    if not rows:
        return None
    form, space = rows[0][: len(forms)], rows[0][len(forms) :]
    there = space[spaces.index("id")] is not None
    return OpenForm(
        Form.from_db("default", forms, form),
        Workspace.from_db("default", spaces, space) if there else Workspace.load(),
    )


def origins(form: Form | None) -> list[str]:
    """Websites that may post this form, or any form if it is not known; an empty list stands for all of them."""
    own = list(form.allowed_origins) if form is not None else []
    return [*own, *(each for each in settings.FORM_ORIGINS if each not in own)] if own else list(settings.FORM_ORIGINS)


@cache
def _selection() -> tuple[list[str], list[str], str]:
    """Names of the columns of both tables, and the statement that reads them in this order."""
    forms, spaces = _names(Form), _names(Workspace)
    columns = ", ".join([*(f"f.{name}" for name in forms), *(f"w.{name}" for name in spaces)])
    return forms, spaces, _ACTIVE.format(columns=columns)


def _names(model: Any) -> list[str]:
    return [str(field.attname) for field in model._meta.concrete_fields]
