"""From a marketer's MJML or HTML to the HTML of a mail, template tags hidden all the while."""

import re
from functools import cache
from pathlib import Path

import css_inline
from minijinja import Environment
from mjml import mjml2html

from campaigns.rendering.model import Problem, TemplateSource
from campaigns.rendering.variables import TAG, closest, line_at

# Relative to the project, like every template.
LAYOUT = Path(__file__).resolve().parents[2] / "templates" / "mail" / "layout.mjml"

MJML_TAGS = frozenset(
    "mjml mj-head mj-body mj-attributes mj-all mj-class mj-breakpoint mj-font mj-preview mj-style mj-title mj-raw "
    "mj-accordion mj-accordion-element mj-accordion-title mj-accordion-text mj-button mj-carousel mj-carousel-image "
    "mj-column mj-divider mj-group mj-hero mj-image mj-navbar mj-navbar-link mj-section mj-social mj-social-element "
    "mj-spacer mj-table mj-text mj-wrapper".split()
)
VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
FORBIDDEN = frozenset("script iframe object embed form link base mj-include".split())

_ELEMENT = re.compile(r"<!--.*?-->|<(/?)([A-Za-z][\w:-]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*?)(/?)>", re.DOTALL)
_VISIBLE = re.compile(r"\S")
_WHOLE = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?<mjml\b", re.IGNORECASE)


def lint(source: TemplateSource) -> list[Problem]:
    """What is wrong with the elements of the body."""
    problems = []
    # Template tags as blanks: what they contain is no markup, and lines stay where they are.
    body = TAG.sub(lambda tag: _VISIBLE.sub(" ", tag.group()), source.body)
    for match in _ELEMENT.finditer(body):
        name = (match[2] or "").lower()
        line = line_at(body, match.start())
        if name in FORBIDDEN:
            problems.append(Problem("body", line, f"<{name}> is not possible in a mail"))
        elif source.format == "mjml" and name.startswith("mj") and name not in MJML_TAGS and not match[1]:
            problems.append(Problem("body", line, f"<{name}> is not an MJML element; {closest(name, MJML_TAGS)}"))
    if source.format == "mjml":
        problems += _unbalanced(body)
    return problems


def is_whole(source: TemplateSource) -> bool:
    """Whether the author wrote all of the mail, footer included, and the standard layout stays out of it."""
    return source.format == "html" or bool(_WHOLE.match(source.body))


def to_html(source: TemplateSource, body: str) -> str:
    """The HTML of the mail; `body` is the source's body with its tags hidden. ValueError says what no parser takes."""
    if source.format == "html":
        inliner = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)
        return inliner.inline(body)
    return mjml2html(body, fonts={})


def in_layout(source: TemplateSource) -> str:
    """The body as a whole document, the standard layout around it if it is a fragment."""
    if is_whole(source):
        return source.body
    return _layouts().render_template("layout.mjml", content=source.body, marketing=source.message_class == "marketing")


@cache
def _layouts() -> Environment:
    """Layout tags have brackets of their own: braces are for the tags that stay in the mail."""
    return Environment(
        templates={"layout.mjml": LAYOUT.read_text()},
        pycompat=False,
        undefined_behavior="strict",
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
    )


def _unbalanced(body: str) -> list[Problem]:
    """The first element that is not closed where it should be: MJML is XML, and its parser names no line."""
    stack: list[tuple[str, int]] = []
    for match in _ELEMENT.finditer(body):
        name = (match[2] or "").lower()
        if not name or name in VOID or match[4]:
            continue
        line = line_at(body, match.start())
        if not match[1]:
            stack.append((name, line))
        elif not stack:
            return [Problem("body", line, f"</{name}> closes nothing")]
        elif stack[-1][0] != name:
            opened, opened_at = stack[-1]
            return [Problem("body", opened_at, f"<{opened}> is not closed before </{name}> in line {line}")]
        else:
            stack.pop()
    return [Problem("body", line, f"<{name}> is never closed") for name, line in stack[-1:]]
