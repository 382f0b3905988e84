"""The form behind a door, with what taking in a post needs to know of the workspace: one statement a post."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from leads.models import Form, Workspace
from lifecycle.core import sql

_ACTIVE = """
    SELECT {columns} FROM leads_form f LEFT JOIN leads_workspace w ON w.id = 1 WHERE f.slug = %b AND f.is_active
"""


@dataclass(frozen=True, slots=True)
class OpenForm:
    """An active form as it was when the post came, and the workspace whose form it is."""

    form: Form
    workspace: Workspace


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


@cache
def _selection() -> tuple[list[str], list[str], str]:
    """Names of the columns of both tables, and the statement that reads them in this order."""
    forms, spaces = _names(Form), _names(Workspace)
    columns = ", ".join([*(f"f.{name}" for name in forms), *(f"w.{name}" for name in spaces)])
    return forms, spaces, _ACTIVE.format(columns=columns)


def _names(model: Any) -> list[str]:
    return [str(field.attname) for field in model._meta.concrete_fields]
