"""The whitelist: which fields a rule may name, and of what type each is."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

FieldType = Literal["text", "number", "boolean", "datetime", "choice", "json"]


@dataclass(frozen=True, slots=True)
class Field:
    """A fact about a lead that rules may test.

    `path` is the ORM path from the lead ("owner__username"), `otherwise` the one that answers while it holds nothing.
    `choices` makes a choice's values known; without it any value is accepted. `folded` says that the column is stored
    folded already (an e-mail address), so it is compared as it is and its index serves. A `json` field is a member of a
    JSON column: `member` names it, and each test carries its own type.
    """

    name: str
    type: FieldType
    label: str
    path: str
    choices: tuple[str, ...] | None = None
    folded: bool = False
    member: str | None = None
    otherwise: str = ""


class Vocabulary:
    """The fields of one kind of subject. Higher apps add theirs with `register` when Django starts."""

    def __init__(self, fields: Iterable[Field], dynamic_prefixes: Mapping[str, str] | None = None) -> None:
        """`dynamic_prefixes` maps a prefix of names ("attributes.") to the JSON column that holds such fields."""
        self._fields: dict[str, Field] = {}
        self._prefixes = dict(dynamic_prefixes or {})
        self.register(*fields)

    def register(self, *fields: Field) -> None:
        """Add fields; a name that is taken is refused."""
        for field in fields:
            if field.name in self._fields:
                raise ValueError(f"the rule field {field.name!r} is registered twice")
            self._fields[field.name] = field

    def with_fields(self, *fields: Field) -> "Vocabulary":
        """A new vocabulary with more fields; this one stays as it is."""
        return Vocabulary([*self._fields.values(), *fields], self._prefixes)

    def get(self, name: str) -> Field | None:
        """The field of that name, made on the spot if the name has a dynamic prefix; None if there is none."""
        if (field := self._fields.get(name)) is not None:
            return field
        for prefix, path in self._prefixes.items():
            member = name.removeprefix(prefix)
            if member and member != name:
                return Field(name, "json", member.replace("_", " "), path, member=member)
        return None

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields.values())

    def closest(self, name: str) -> str | None:
        """The known name that was probably meant."""
        return next(iter(difflib.get_close_matches(name, self._fields, n=1)), None)

    def columns(self, names: Iterable[str] | None = None) -> tuple[str, ...]:
        """The ORM paths to select for these fields (all, if none are named), each once: `.values(*columns)`."""
        if names is None:
            fields = list(self._fields.values())
            paths = [*(field.path for field in fields), *self._prefixes.values()]
        else:
            fields = [field for name in sorted(names) if (field := self.get(name)) is not None]
            paths = [field.path for field in fields]
        return tuple(dict.fromkeys([*paths, *(field.otherwise for field in fields if field.otherwise)]))

    def facts(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A selected row as `Facts.fields`: what was not selected is left out, and a rule that asks for it will say so.

        Dynamic fields come as one dict under the name of their column.
        """
        fields = {name: _value(field, row) for name, field in self._fields.items() if field.path in row}
        return fields | {path: row[path] for path in self._prefixes.values() if path in row}


def _value(field: Field, row: Mapping[str, Any]) -> Any:
    value = row[field.path]
    return row.get(field.otherwise) if value is None and field.otherwise else value
