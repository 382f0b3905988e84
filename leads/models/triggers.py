"""The database's own guards: rows that are only ever inserted, columns that are set once."""

import pgtrigger


def insert_only(*, except_fields: tuple[str, ...] = ()) -> list[pgtrigger.Trigger]:
    """Refuse UPDATE (apart from `except_fields`) and DELETE. Erasing a person lifts it with `pgtrigger.ignore`."""
    update = (
        pgtrigger.ReadOnly(name="insert_only_update", exclude=list(except_fields))
        if except_fields
        else pgtrigger.Protect(name="insert_only_update", operation=pgtrigger.Update)
    )
    return [update, pgtrigger.Protect(name="insert_only_delete", operation=pgtrigger.Delete)]


def write_once(column: str, *, empty: object = None) -> pgtrigger.Trigger:
    """Refuse to change `column` (its database name) once it holds something other than `empty` (NULL, or '')."""
    was_set = (
        pgtrigger.Q(**{f"old__{column}__isnull": False}) if empty is None else ~pgtrigger.Q(**{f"old__{column}": empty})
    )
    return pgtrigger.Protect(
        name=f"write_once_{column}",
        operation=pgtrigger.Update,
        condition=was_set & pgtrigger.Q(**{f"old__{column}__df": pgtrigger.F(f"new__{column}")}),
    )
