"""Reads rows of a playbook with their places for error messages, and writes those that are missing: all or nothing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction

VERSION = 1


class PlaybookError(ValueError):
    """The playbook does not read; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Names of the rows that were created, overwritten, and left as they were."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def __add__(self, other: "Loaded") -> "Loaded":
        return Loaded(self.created + other.created, self.updated + other.updated, self.kept + other.kept)


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list, with its place for error messages."""

    path: str
    data: Mapping[str, Any]

    def take(self, *names: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
        """The named members; PlaybookError for a missing or an unknown one."""
        missing = [name for name in names if name not in self.data]
        unknown = [str(name) for name in self.data if name not in (*names, *optional)]
        if missing:
            raise PlaybookError(f"{self.path}: {missing[0]} is missing")
        if unknown:
            raise PlaybookError(f"{self.path}.{unknown[0]}: not known here; there is {', '.join((*names, *optional))}")
        return {name: self.data[name] for name in (*names, *optional) if name in self.data}


def rows_of(data: object, kind: str, member: str) -> Iterator[Item]:
    """The entries of the list `member` in a file of that kind; PlaybookError for anything else."""
    if not isinstance(data, dict) or data.get("kind") != kind:
        raise PlaybookError(f"{kind}: the file must be a mapping with “kind: {kind}”")
    if data.get("version", VERSION) != VERSION:
        raise PlaybookError(f"{kind}.version: {data['version']!r} is not known here, only {VERSION}")
    if not isinstance(data.get(member), list):
        raise PlaybookError(f"{kind}.{member}: a list is expected")
    for place, row in enumerate(data[member]):
        path = f"{kind}.{member}[{place}]" if kind != member else f"{kind}[{place}]"
        if not isinstance(row, dict):
            raise PlaybookError(f"{path}: a mapping is expected")
        yield Item(path, row)


@transaction.atomic
def load(
    model: type[models.Model],
    key: str,
    items: Iterator[Item],
    read: Callable[[Item], dict[str, Any]],
    *,
    update: bool,
    renew: Callable[[models.Model, dict[str, Any]], None] | None = None,
) -> Loaded:
    """Write what `read` makes of the items that are not there yet by `key`; with `update` the others too."""
    existing = {getattr(row, key): row for row in model._default_manager.all()}
    created: list[str] = []
    updated: list[str] = []
    kept: list[str] = []
    for item in items:
        values = read(item)
        name = str(values[key])
        row = existing.get(name)
        if row is not None and not update:
            kept.append(name)
            continue
        (created if row is None else updated).append(name)
        row = row or model()
        if renew is not None and row.pk is not None:
            renew(row, values)
        for column, value in values.items():
            setattr(row, column, value)
        clean(item.path, row)
        row.save()
        existing[name] = row
    return Loaded(tuple(created), tuple(updated), tuple(kept))


def clean(path: str, row: models.Model) -> None:
    """PlaybookError for a row that its model refuses."""
    try:
        row.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise PlaybookError(f"{path}.{field}: {messages[0]}") from None
