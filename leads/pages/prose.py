"""Text as people write it, as HTML: paragraphs, “- ” lists, **bold**, *italic* and [links](https://…). Pure.

Everything else is text. The source is escaped before anything is marked up, so nothing that somebody wrote can become
a tag; links lead to the web, to a mail or telephone programme, or to a place on the same site. What crosses over (bold
that ends inside a link) is put right at the end.
"""

import re
from html import escape

import nh3

_TAGS = {"p", "br", "ul", "li", "strong", "em", "a"}

_PARAGRAPHS = re.compile(r"\n\s*\n")
_ITEM = re.compile(r"^\s*[-*•]\s+")
# On escaped text: an address has no spaces, quotes or brackets, and & reads as &amp;.
_LINK = re.compile(r"\[([^\[\]]+)\]\(((?:https?://|mailto:|tel:|/(?!/)|#)[^\s()<>\[\]\"'*]*)\)")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_ITALIC = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*]+?)(?<=[^\s*])\*(?![\w*])")


def to_html(text: str) -> str:
    """Safe HTML of `text`; "" for a blank one."""
    blocks = [block for block in _PARAGRAPHS.split(text.replace("\r\n", "\n").strip()) if block.strip()]
    html = "\n".join(_block(block) for block in blocks)
    return nh3.clean(html, tags=_TAGS, attributes={"a": {"href"}}, link_rel=None)


def to_plain(text: str) -> str:
    """The words alone, in one line: for search engines."""
    words = " ".join(_ITEM.sub("", line) for line in text.split("\n"))
    words = _LINK.sub(r"\1", words)
    return " ".join(_ITALIC.sub(r"\1", _BOLD.sub(r"\1", words)).split())


def _block(block: str) -> str:
    """A paragraph, a list, or lines that lead into a list."""
    lines = block.split("\n")
    start = next((at for at, line in enumerate(lines) if _ITEM.match(line)), len(lines))
    paragraph = [_inline(line.strip()) for line in lines[:start]]
    html = f"<p>{'<br>'.join(paragraph)}</p>" if paragraph else ""
    return html + _list(lines[start:])


def _list(lines: list[str]) -> str:
    """Items; a line without a dash goes on with the item before it."""
    items: list[str] = []
    for line in lines:
        if _ITEM.match(line):
            items.append(_ITEM.sub("", line).strip())
        else:
            items[-1] += f" {line.strip()}"
    return f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</ul>" if items else ""


def _inline(text: str) -> str:
    """Bold and italic are only set outside of links' addresses, which hold no asterisk."""
    marked = _LINK.sub(r'<a href="\2">\1</a>', escape(text))
    return _ITALIC.sub(r"<em>\1</em>", _BOLD.sub(r"<strong>\1</strong>", marked))
