"""The text part, made from the HTML at publish: what the mail says, links with their addresses, layout gone."""

import re

from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.html_engine import Inscriptis
from inscriptis.model.config import ParserConfig
from lxml import html as lxml_html  # type: ignore[import-untyped]
from lxml.html import HtmlElement  # type: ignore[import-untyped]

from campaigns.rendering.hiding import Hidden

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
# The other profile puts spaces around every span.
_PLAIN = ParserConfig(css=CSS_PROFILES["strict"])
_LAYOUT = frozenset({"table", "tbody", "thead", "tfoot", "tr", "td", "th"})
_BLOCK_LINE = re.compile(r"^[ \t]*((?:\{%(?:(?!%\})[^\"'\n]|\"[^\"\n]*\"|'[^'\n]*')*%\}[ \t]*)+)\n", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")


def from_html(markup: str, hidden: Hidden) -> str:
    """Template text for the mail's text part; `markup` is its HTML with the tags hidden."""
    # Block tags stand in comments, some of them inside Outlook's conditional ones: keep the tags, drop the comments.
    flat = _COMMENT.sub(lambda match: " ".join(hidden.words(match.group())), markup)
    tree = lxml_html.document_fromstring(flat)
    for element in list(tree.iter("a", "img")):
        _say(element)
    _flatten_tables(tree)
    text = Inscriptis(tree, _PLAIN).get_text()
    lines = "\n".join(line.strip() for line in text.split("\n"))
    return tidy(hidden.show(lines))


def tidy(text: str) -> str:
    """Without lines that hold only block tags and without runs of blank lines."""
    text = _BLOCK_LINE.sub(lambda match: match[1].rstrip(), text)
    return _BLANK_LINES.sub("\n\n", text).strip() + "\n"


def _say(element: HtmlElement) -> None:
    if element.tag == "img":
        _become(element, element.get("alt") or "")
        return
    label = " ".join(element.text_content().split())
    images = " ".join(filter(None, (image.get("alt") for image in element.iter("img"))))
    label = label or images
    address = element.get("href") or ""
    if address.startswith("mailto:"):
        address = address.removeprefix("mailto:")
    if not address or address == label:
        _become(element, label or address)
    else:
        _become(element, f"{label} ({address})" if label else address)


def _become(element: HtmlElement, text: str) -> None:
    """An element that says just this."""
    tail = element.tail
    element.clear()
    element.tag, element.text, element.tail = "span", text, tail


def _flatten_tables(tree: HtmlElement) -> None:
    """Tables in mail are mostly layout: innermost cells are paragraphs. Cells of a real table stand side by side."""
    for table in tree.iter("table"):
        if table.get("role") != "presentation":
            for cell in list(table.iter("td", "th")):
                cell.tag, cell.tail = "span", "  "
    for cell in [cell for cell in tree.iter("td", "th") if cell.find(".//td") is None]:
        cell.tag = "p"
    for element in list(tree.iter(*_LAYOUT)):
        element.tag = "div"
