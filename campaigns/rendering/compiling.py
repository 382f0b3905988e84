"""Publishing a template: check all of it, then turn it into what `filling` can fill in within microseconds."""

import re
from collections.abc import Mapping
from html import escape
from typing import Any

from campaigns.rendering import markup, plaintext, variables
from campaigns.rendering.hiding import Hidden
from campaigns.rendering.links import Links
from campaigns.rendering.model import CompiledTemplate, Problem, TemplateProblems, TemplateSource, Where

MAX_BODY = 200_000  # characters as written
MAX_LINE = 500  # characters of a subject or preheader as written
MAX_HTML = 102_400  # bytes; Gmail hides the rest of a longer mail, and with it the way to unsubscribe

PIXEL = (
    '{% if pixel %}<img src="{{ pixel|safe }}" width="1" height="1" alt="" style="display:block;border:0">{% endif %}'
)
PREHEADER = (
    '<div style="display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden">'
    "%s</div>"
)
FOOTER = (
    "\n\n-- \n{{ workspace.postal_address }}\n{% if reason %}{{ reason }}\n{% endif %}"
    "Preferences: {{ preferences_url }}\nUnsubscribe: {{ unsubscribe_url }}\n"
)

_BODY_START = re.compile(r"<body\b(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>", re.IGNORECASE)
_BREAKABLE = re.compile(r" (?=(?:style|href|src|class|role)=\")")
_NOT_TEXT = re.compile(r"(<style\b.*?</style>|<!--.*?-->)", re.DOTALL | re.IGNORECASE)


def compile_template(source: TemplateSource, *, workspace: Mapping[str, Any]) -> CompiledTemplate:
    """The template, ready to be filled in; TemplateProblems lists everything that is wrong with it.

    `workspace` holds the values of `workspace.*` as plain text: links that use nothing else are fixed with them now.
    """
    problems = _lint(source)
    if problems:
        raise TemplateProblems(problems)
    document = markup.in_layout(source)
    hidden = Hidden(document)
    links = Links(workspace, hidden, source.body)
    try:
        html = markup.to_html(source, hidden.source)
    except ValueError as error:
        raise TemplateProblems([Problem("body", 0, f"cannot be read as {source.format.upper()}: {error}")]) from error
    html = links.in_html(html)
    text = links.in_text(_with_footer(source)) if source.text.strip() else plaintext.from_html(html, hidden)
    html = hidden.show(_mailable(html, source.preheader, hidden))
    problems = links.problems + _too_large(html)
    if problems:
        raise TemplateProblems(problems)
    names = set().union(*(variables.names_in(part) for part in (source.subject, source.preheader, document, text)))
    return CompiledTemplate(
        subject=source.subject.strip(),
        preheader=source.preheader.strip(),
        html=html,
        text=text,
        links=links.destinations,
        variables=sorted(names - {"links"}),
    )


def _lint(source: TemplateSource) -> list[Problem]:
    problems = _sizes(source)
    problems += variables.lint("subject", source.subject)
    problems += variables.lint("preheader", source.preheader)
    body = variables.lint("body", source.body) + markup.lint(source) + _footer_missing(source)
    problems += sorted(body, key=lambda problem: problem.line)
    return problems + variables.lint("text", source.text)


def _sizes(source: TemplateSource) -> list[Problem]:
    problems = []
    if not source.subject.strip():
        problems.append(Problem("subject", 0, "a mail needs a subject"))
    if not source.body.strip():
        problems.append(Problem("body", 0, "a mail needs a body"))
    parts: list[tuple[Where, str, int]] = [
        ("subject", source.subject, MAX_LINE),
        ("preheader", source.preheader, MAX_LINE),
        ("body", source.body, MAX_BODY),
        ("text", source.text, MAX_BODY),
    ]
    for where, part, limit in parts:
        if len(part) > limit:
            problems.append(Problem(where, 0, f"has {len(part)} characters, at most {limit} are possible"))
    return problems


def _footer_missing(source: TemplateSource) -> list[Problem]:
    """The law asks for both in marketing mail; our layout has them, an author's own document must."""
    if source.message_class != "marketing" or not markup.is_whole(source):
        return []
    needed = ("unsubscribe_url", "workspace.postal_address")
    return [
        Problem("body", 0, f"marketing mail must show {{{{ {name} }}}}") for name in needed if name not in source.body
    ]


def _too_large(html: str) -> list[Problem]:
    size = len(html.encode())
    if size <= MAX_HTML:
        return []
    return [Problem("body", 0, f"becomes {size} bytes of HTML; over {MAX_HTML} Gmail cuts the end off")]


def _with_footer(source: TemplateSource) -> str:
    if source.message_class != "marketing" or "unsubscribe_url" in source.text:
        return source.text.strip() + "\n"
    return source.text.strip() + FOOTER


def _mailable(html: str, preheader: str, hidden: Hidden) -> str:
    """With preheader and pixel, in ASCII and short lines: such a body travels as it is, nothing has to be encoded."""
    if preheader.strip():
        shown = PREHEADER % hidden.hide(_escaped(preheader.strip()))
        html = _BODY_START.sub(lambda match: match.group() + shown, html, count=1)
    end = html.lower().rfind("</body>")
    end = len(html) if end < 0 else end
    html = html[:end] + hidden.hide(PIXEL) + html[end:]
    pieces = _NOT_TEXT.split(html)
    pieces[::2] = [piece.encode("ascii", "xmlcharrefreplace").decode() for piece in pieces[::2]]
    return _BREAKABLE.sub("\n", "".join(pieces))


def _escaped(text: str) -> str:
    """Template text as HTML: what stands between the tags is escaped, the tags are left alone."""
    pieces, last = [], 0
    for tag in variables.TAG.finditer(text):
        pieces += [escape(text[last : tag.start()]), tag.group()]
        last = tag.end()
    return "".join([*pieces, escape(text[last:])])
