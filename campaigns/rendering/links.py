"""Where a mail leads: destinations fixed at publish become numbered slots, all others are kept to http(s).

A slot is `{{ links[n]|safe }}`: the sender fills in a tracking address for destination n. Only what is known at publish
gets one, so a click can never be redirected to a place that a lead or an event supplied.
"""

import html
import re
from collections.abc import Mapping
from typing import Any

from minijinja import Environment, TemplateError, safe

from campaigns.rendering.hiding import Hidden
from campaigns.rendering.model import Problem, Where
from campaigns.rendering.variables import TAG, line_at, names_in

FOOTER_LINKS = frozenset({"unsubscribe_url", "preferences_url"})

_ANCHOR = re.compile(r"<(?:a|area|v:\w+)\b(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>", re.IGNORECASE)
_HREF = re.compile(r"(\shref\s*=\s*)(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_VARIABLE_ALONE = re.compile(r"\{\{\s*\w+\s*\}\}")
_WEB = re.compile(r"https?://[^\s/?#]", re.IGNORECASE)
_UNTRACKED = ("mailto:", "tel:", "sms:")
# Where this installation is, which may move: read when the mail leaves, and not tracked.
OWN_PAGES = "workspace.forms_url"
_TEXT_URL = re.compile(r"https?://[^\s<>\"'{}]*[^\s<>\"'{}.,;:!?)\]]|\{\{[-+]?\s*workspace\.\w+_url\s*[-+]?\}\}")


class Links:
    """Collects the slots of one template."""

    def __init__(self, workspace: Mapping[str, Any], hidden: Hidden, body: str) -> None:
        self.destinations: list[str] = []
        self.problems: list[Problem] = []
        self._workspace = dict(workspace)
        self._hidden = hidden
        self._body = body
        self._environment = Environment(pycompat=False, undefined_behavior="strict", fuel=1_000)

    def in_html(self, markup: str) -> str:
        """The markup (tags hidden) with every href decided."""
        return _ANCHOR.sub(lambda anchor: _HREF.sub(self._replace, anchor.group(), count=1), markup)

    def in_text(self, text: str) -> str:
        """A hand-written text part with its fixed addresses as slots."""
        return _TEXT_URL.sub(lambda match: self._in_text(match.group()), text)

    def _replace(self, match: re.Match[str]) -> str:
        written = match[2] if match[2] is not None else match[3]
        decided = self._decide(self._hidden.show(html.unescape(written)).strip())
        return match.group() if decided is None else f'{match[1]}"{self._hidden.hide(decided)}"'

    def _decide(self, href: str) -> str | None:
        """Template code for the address; None leaves it as it was written."""
        try:
            names = names_in(href)
        except TemplateError:
            self._complain(href, "must contain an {% if %} as a whole, from if to endif")
            return None
        if names & FOOTER_LINKS:
            # Our own address, never tracked; escaping it would only write every slash as an entity.
            return f"{{{{ {min(names)}|safe }}}}" if _VARIABLE_ALONE.fullmatch(href) else None
        if all(name.startswith("workspace.") for name in names) and OWN_PAGES not in names:
            return self._fixed(href)
        literal = href[: TAG.search(href).start()].strip().lower()  # type: ignore[union-attr]
        if not literal:
            return "{% filter weblink %}" + href + "{% endfilter %}"
        if not literal.startswith(("http://", "https://", *_UNTRACKED)):
            self._complain(href, "must start with http:// or https://")
        return None

    def _fixed(self, href: str) -> str | None:
        try:
            destination = self._environment.render_str(href, workspace=self._workspace).strip()
        except TemplateError:
            return None  # an unknown name: the lint of variables has said so already
        if _WEB.match(destination):
            return self._slot(destination)
        if not destination or destination == "#":
            self._complain(href, "leads nowhere: give it an address")
        elif not destination.lower().startswith((*_UNTRACKED, "#")):
            self._complain(href, "must start with http:// or https://")
        return None

    def _in_text(self, written: str) -> str:
        return self._fixed(written) or written

    def _slot(self, destination: str) -> str:
        if destination not in self.destinations:
            self.destinations.append(destination)
        return f"{{{{ links[{self.destinations.index(destination)}]|safe }}}}"

    def _complain(self, href: str, message: str) -> None:
        where: Where = "body"
        offset = self._body.find(href) if href else -1
        line = line_at(self._body, offset) if offset >= 0 else 0
        self.problems.append(Problem(where, line, f"the link “{href}” {message}"))


def weblink(value: Any) -> str:
    """Template filter: an address that came with a lead or an event, if it is http(s); else a link to nowhere."""
    address = str(value).strip()
    if address.replace("&#x2f;", "/").lower().startswith(("http://", "https://")):
        return safe(address)
    return "#"
