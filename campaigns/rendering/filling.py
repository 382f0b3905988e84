"""Filling a compiled template in for one person: the hot path of sending.

The context is plain data: dicts, lists, strings, numbers. What a lead typed is only ever data, so `{{7*7}}` in a name
is those five characters; in HTML every value is escaped. Fuel bounds what a template may compute, a cap what it makes.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minijinja import Environment, TemplateError

from campaigns.rendering.links import weblink
from campaigns.rendering.model import CompiledTemplate

FUEL = 20_000  # instructions; a long mail needs a few hundred
MAX_OUTPUT = 500_000  # characters of one part
MAX_SUBJECT = 250
CACHED_TEMPLATES = 256

_UNDEFINED: Any = "semi_strict"  # minijinja has it, its type stubs do not

_environments: OrderedDict[Hashable, Environment] = OrderedDict()


class RenderError(ValueError):
    """The template could not be filled in for this person; the text names the cause, never the person's data."""


@dataclass(frozen=True, slots=True)
class LinkSlots:
    """Addresses of one message: `links` by slot as in `CompiledTemplate.links`; empty strings leave a thing out."""

    links: Sequence[str]
    open_url: str = ""
    unsubscribe_url: str = ""
    preferences_url: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    html: str
    text: str


def render(
    compiled: CompiledTemplate, context: Mapping[str, Any], slots: LinkSlots, *, cache_key: Hashable = None
) -> Rendered:
    """The mail for one person; RenderError if a variable is missing or the template does too much.

    `context` has lead, workspace, event, events and, if known, reason. `cache_key` names this version of the template
    (an immutable one); with it the prepared template is kept for the next call.
    """
    if len(slots.links) != len(compiled.links):
        raise RenderError(f"{len(slots.links)} link addresses for {len(compiled.links)} slots")
    environment = _environment(compiled, cache_key)
    values = {
        "reason": "",
        **context,
        "links": slots.links,
        "pixel": slots.open_url,
        "unsubscribe_url": slots.unsubscribe_url,
        "preferences_url": slots.preferences_url,
    }
    try:
        subject = environment.render_template("subject", **values)
        html = environment.render_template("html", **values)
        text = environment.render_template("text", **values)
    except TemplateError as error:
        raise RenderError(f"{error.name}, line {error.line}: {error.detail or error.kind}") from error
    if compiled.html.isascii() and not html.isascii():
        # As at publish: a name like Zoë must not cost the whole body its plain ASCII.
        html = html.encode("ascii", "xmlcharrefreplace").decode()
    if len(html) > MAX_OUTPUT or len(text) > MAX_OUTPUT:
        raise RenderError(f"more than {MAX_OUTPUT} characters")
    return Rendered(_subject(subject), html, text)


def forget_templates() -> None:
    """Drop what `cache_key` kept."""
    _environments.clear()


def _environment(compiled: CompiledTemplate, cache_key: Hashable) -> Environment:
    if cache_key is None:
        return _prepared(compiled)
    found = _environments.get(cache_key)
    if found is None:
        found = _environments[cache_key] = _prepared(compiled)
        if len(_environments) > CACHED_TEMPLATES:
            _environments.popitem(last=False)
    return found


def _prepared(compiled: CompiledTemplate) -> Environment:
    return Environment(
        templates={"subject": compiled.subject, "html": compiled.html, "text": compiled.text},
        filters={"weblink": weblink},
        auto_escape_callback=_escapes,
        # Printing what is not there is an error; asking `{% if event.coupon %}` is a fair question.
        undefined_behavior=_UNDEFINED,
        fuel=FUEL,
        pycompat=False,
        debug=True,  # or errors would not name the variable
        keep_trailing_newline=True,
    )


def _escapes(name: str) -> bool:
    return name == "html"


def _subject(rendered: str) -> str:
    """One line without control characters, of a length that every server takes."""
    if not rendered.isprintable():
        rendered = "".join(char if char.isprintable() or char == "\xa0" else " " for char in rendered)
    subject = " ".join(rendered.split(" ")).strip()
    return subject if len(subject) <= MAX_SUBJECT else subject[: MAX_SUBJECT - 1].rstrip() + "…"
