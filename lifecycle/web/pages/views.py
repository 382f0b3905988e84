"""A landing page for visitors, and the same page for colleagues who look at it before or while they write it."""

import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_cookie

from leads import forms
from leads.doors import form_page
from leads.hosting import Drawn, Given
from leads.models import LandingPage, PageVariant, Workspace
from leads.pages import blocks, counting
from leads.pages.blocks import Problem
from leads.pages.kinds import Block
from lifecycle.core import clock, tokens
from lifecycle.web.forms.hosted import came_from
from lifecycle.web.pages import policy, showing, visiting
from lifecycle.web.sorry import drawn as apology

MAY_LOOK = "leads.view_landingpage"


@dataclass(frozen=True, slots=True)
class Look:
    """A page as it is drawn: with these blocks, by this variant, for this browser."""

    page: LandingPage
    variant: PageVariant
    blocks: list[Block]
    browser: str = ""
    problems: tuple[Problem, ...] = ()
    is_framed: bool = False


@cache_control(private=True, no_cache=True)
@vary_on_cookie
@require_safe
def landing_page(request: HttpRequest, slug: str) -> HttpResponse:
    """The variant of this browser. Colleagues may choose one, see drafts, and are not counted."""
    is_staff = may_look(request)
    page = LandingPage.objects.select_related("form", "magnet").filter(slug=slug).first()
    if page is None or not (page.is_published or is_staff):
        return not_found(request)
    workspace = Workspace.load()
    visit = visiting.visit(request, workspace, is_staff=is_staff)
    variants = list(page.variants.all())
    wanted = request.GET.get("variant", "") if is_staff else ""
    variant = _named(variants, wanted) or counting.choose(variants, browser=visit.browser)
    if variant is None:
        return not_found(request)
    if visit.counts:
        counting.seen(variant, browser=visit.browser, now=clock.now())
    found, problems = blocks.read_leniently(variant.blocks)
    shown_problems = tuple(problems) if is_staff else ()
    response = drawn(request, Look(page, variant, found, visit.browser, shown_problems), workspace, variants)
    visiting.remember(response, visit.cookie)
    return response


@csrf_protect
@require_POST
@staff_member_required
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The unsaved blocks of a variant as a page for the editor's sandboxed frame. Stores and counts nothing."""
    if not may_look(request):
        raise Http404
    variant = get_object_or_404(PageVariant.objects.select_related("page__form", "page__magnet"), pk=pk)
    try:
        found, problems = blocks.read_leniently(json.loads(request.POST.get("blocks", "")))
    except json.JSONDecodeError as error:
        found, problems = [], [Problem(None, "", f"Not JSON at line {error.lineno}, column {error.colno}.")]
    look = Look(variant.page, variant, found, problems=tuple(problems), is_framed=True)
    return drawn(request, look, Workspace.load(), [])


def drawn(request: HttpRequest, look: Look, workspace: Workspace, variants: list[PageVariant]) -> HttpResponse:
    """The page as HTML, under the policy that fits what it shows."""
    page = look.page
    context: dict[str, Any] = {
        "page": page,
        "variant": look.variant,
        "workspace": workspace,
        "blocks": showing.shown(look.blocks),
        "questions": showing.questions(look.blocks),
        "canonical": f"{settings.SITE_URL}{reverse('landing-page', args=[page.slug])}",
        "problems": look.problems,
        "is_framed": look.is_framed,
        "is_staff": may_look(request) and not look.is_framed,
        "variants": variants,
        "form": form_of(request, look),
    }
    if page.is_published and not look.is_framed and not context["is_staff"]:
        context["site_key"] = tokens.site_key()
    response = render(request, "web/page.html", context)
    policy.guard(response, images=blocks.images(look.blocks), form=page.form, framed=look.is_framed)
    return response


def form_of(request: HttpRequest, look: Look) -> Drawn | None:
    """The page's form; it also sends where the visitor came from, the variant and the browser. None if it is closed."""
    opened = forms.active(look.page.form.slug) if look.page.form else None
    if opened is None:
        return None
    hidden = {**came_from(request), counting.VARIANT_FIELD: f"{look.page.slug}:{look.variant.key}"}
    if look.browser:
        hidden |= {counting.BROWSER_FIELD: look.browser, **visiting.known_as(request)}
    answers = {name: request.GET.getlist(name) for name in request.GET}
    return form_page.drawn(opened, Given(answers, hidden=hidden), now=clock.now())


def not_found(request: HttpRequest) -> HttpResponse:
    words = "There is no page here", "It was moved or taken down, or the address has a mistake in it."
    response = apology(request, words, status=404)
    policy.guard(response, images=(), form=None)
    return response


def may_look(request: HttpRequest) -> bool:
    return bool(request.user.is_staff and request.user.has_perm(MAY_LOOK))


def _named(variants: list[PageVariant], key: str) -> PageVariant | None:
    return next((variant for variant in variants if variant.key == key), None)
