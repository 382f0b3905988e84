"""Landing pages and lead magnets as data that ships. What a marketer already has stays as it is, unless `update`."""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction

from leads import magnet_files
from leads.models import Form, LandingPage, Magnet, PageVariant
from leads.pages import blocks, publishing
from leads.playbook_rows import Item, Loaded, PlaybookError, clean, load, rows_of

_MAGNET = ("description", "file_name", "event_kind", "link_days")
_PAGE = ("description", "social_image", "is_indexed", "form", "magnet", "published")


def load_magnets(data: object, *, folder: Path, now: datetime, update: bool = False) -> Loaded:
    """The files lie in `folder`. One that is there already keeps the file that somebody uploaded."""

    def read(item: Item) -> dict[str, Any]:
        row = item.take("slug", "name", "file", optional=_MAGNET)
        return {**row, "file": _file(item.path, folder, row["file"]), "created_at": now}

    return load(Magnet, "slug", rows_of(data, "magnets", "magnets"), read, update=update)


@transaction.atomic
def load_pages(data: object, *, now: datetime, update: bool = False) -> Loaded:
    """Pages with their variants; those that say “published: true” are shown to everybody, if nothing is wrong."""
    entries = list(rows_of(data, "pages", "pages"))

    def read(item: Item) -> dict[str, Any]:
        row = item.take("slug", "name", "title", "variants", optional=_PAGE)
        page = {name: value for name, value in row.items() if name not in ("variants", "published")}
        return page | _related(item.path, row) | {"created_at": now, "updated_at": now}

    loaded = load(LandingPage, "slug", iter(entries), read, update=update)
    for item in entries:
        if str(item.data["slug"]) in (*loaded.created, *loaded.updated):
            _complete(item, now=now)
    return loaded


def _complete(item: Item, *, now: datetime) -> None:
    """The variants of a page that was just written, and its publishing. Variants that are not named stay."""
    page = LandingPage.objects.get(slug=item.data["slug"])
    for place, entry in enumerate(_list(item)):
        path = f"{item.path}.variants[{place}]"
        if not isinstance(entry, dict):
            raise PlaybookError(f"{path}: a mapping is expected")
        values = Item(path, entry).take("key", "blocks", optional=("name", "weight"))
        variant = page.variants.filter(key=values["key"]).first() or PageVariant(page=page)
        for name, value in {**values, "blocks": _blocks(path, values["blocks"])}.items():
            setattr(variant, name, value)
        clean(path, variant)
        variant.save()
    if item.data.get("published"):
        try:
            publishing.publish(page, now=now)
        except publishing.PageRefused as refused:
            raise PlaybookError(f"{item.path}.published: {refused.problems[0]}") from refused


def _list(item: Item) -> list[Any]:
    variants = item.data["variants"]
    if not isinstance(variants, list) or not variants:
        raise PlaybookError(f"{item.path}.variants: a page has at least one variant")
    return variants


def _blocks(path: str, data: object) -> list[dict[str, Any]]:
    try:
        return blocks.plain(blocks.read(data))
    except blocks.BlockError as refused:
        raise PlaybookError(f"{path}.blocks: {refused.problems[0]}") from refused


def _related(path: str, row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, model in (("form", Form), ("magnet", Magnet)):
        if row.get(name):
            found[name] = model._default_manager.filter(slug=row[name]).first()
            if found[name] is None:
                raise PlaybookError(f"{path}.{name}: there is no {name} {row[name]!r}")
    return found


def _file(path: str, folder: Path, name: object) -> "ContentFile[bytes]":
    source = folder / str(name)
    if source.parent != folder or not source.is_file():
        raise PlaybookError(f"{path}.file: there is no {str(name)!r} beside the playbooks")
    body = source.read_bytes()
    try:
        magnet_files.check(source.name, len(body), body[:16])
    except magnet_files.FileRefused as refused:
        raise PlaybookError(f"{path}.file: {refused}") from refused
    return ContentFile(body, name=source.name)
