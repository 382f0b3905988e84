"""Puts a landing page on the web and takes it back; and makes variants to try."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from leads.models import LandingPage, PageVariant
from leads.pages import blocks
from leads.pages.kinds import Block, Hero, Magnet

STARTING_BLOCKS = [
    {"type": "hero", "headline": "What people get, in one line", "text": "For whom it is.", "button": "Get it"},
    {"type": "bullets", "heading": "What is inside", "items": [{"title": "The first thing"}, {"title": "The second"}]},
    {"type": "form", "heading": "Where shall we send it?"},
]


class PageRefused(ValueError):
    """The page cannot be published as it is; `problems` says why, a sentence each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(" ".join(problems))


def publish(page: LandingPage, *, now: datetime) -> None:
    """Show the page to everybody. PageRefused if it would not work; publishing again changes nothing."""
    if problems := problems_of(page):
        raise PageRefused(problems)
    LandingPage.objects.filter(pk=page.pk, is_published=False).update(
        is_published=True, published_at=now, updated_at=now
    )
    page.refresh_from_db()


def unpublish(page: LandingPage, *, now: datetime) -> None:
    """Visitors get “not found” from now on; counts stay."""
    LandingPage.objects.filter(pk=page.pk).update(is_published=False, updated_at=now)
    page.refresh_from_db()


def problems_of(page: LandingPage) -> list[str]:
    """What keeps the page from working for visitors, a sentence each."""
    problems = [] if page.title.strip() else ["Give it a title: it stands in the browser's tab and in search results."]
    variants = list(page.variants.all())
    if not any(variant.weight for variant in variants):
        problems.append("No variant has a weight, so nobody would see anything.")
    for variant in variants:
        problems += [f"Variant {variant.key}: {problem}" for problem in _of_variant(page, variant)]
    return problems


@transaction.atomic
def duplicate(variant: PageVariant, *, name: str = "", now: datetime) -> PageVariant:
    """The same page again under the next free key, with weight 0 until somebody shares visitors out."""
    page = LandingPage.objects.select_for_update().get(pk=variant.page_id)
    taken = set(page.variants.values_list("key", flat=True))
    key = next(each for each in _keys() if each not in taken)
    LandingPage.objects.filter(pk=page.pk).update(updated_at=now)
    return PageVariant.objects.create(page=page, key=key, name=name, weight=0, blocks=variant.blocks)


def _of_variant(page: LandingPage, variant: PageVariant) -> list[str]:
    found, faults = blocks.read_leniently(variant.blocks)
    problems = [str(fault) for fault in faults]
    if not found and not faults:
        problems.append("It has no blocks.")
    has_form = any(map(blocks.holds_form, found))
    if has_form and (page.form is None or not page.form.is_active):
        problems.append("It shows a form, so choose an active form for the page.")
    if not has_form and any(_leads_to_form(block) for block in found):
        problems.append("A button leads to the form, and there is no form on the page.")
    return problems + _about_magnet(page, found)


def _about_magnet(page: LandingPage, found: Iterable[Block]) -> list[str]:
    shows = any(isinstance(block, Magnet) or (isinstance(block, Hero) and block.aside == "magnet") for block in found)
    if not shows:
        return []
    if page.magnet is None or not page.magnet.is_active:
        return ["It shows a lead magnet, so choose an active one for the page."]
    if page.form is not None and page.form.magnet_id != page.magnet_id:
        return [f"It promises “{page.magnet}”, and the form “{page.form}” does not give it to people."]
    return []


def _leads_to_form(block: Block) -> bool:
    return bool(getattr(block, "button", "")) and getattr(block, "link", "") in ("", "#form")


def _keys() -> Iterable[str]:
    yield from "abcdefghijklmnopqrstuvwxyz"
    number = 1
    while True:
        yield f"v{number}"
        number += 1
