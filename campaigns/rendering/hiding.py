"""Template tags out of the way of HTML and MJML parsers: each becomes a word or a comment, and comes back afterwards.

So `{% if a < 3 %}`, quotes inside an href, and `{% for %}` between table rows all survive. A block tag in running
text becomes a comment, because a comment is allowed anywhere a parser would move or drop text.
"""

import re

from campaigns.rendering.variables import TAG

_MARK = re.compile(
    rf"(?P<tag>{TAG.pattern})|(?P<comment><!--)|(?P<uncomment>-->)|<(?P<close>/?)(?P<name>[A-Za-z][\w:-]*)"
    r"|(?P<end>>)|(?P<quote>[\"'])",
    re.DOTALL,
)
_TEXT_ONLY = frozenset({"style", "title", "mj-style", "mj-title", "mj-preview", "textarea"})


class Hidden:
    """The tags of one body, by number."""

    def __init__(self, source: str) -> None:
        self._word = "lctag"
        while self._word in source:
            self._word += "x"
        self._tags: list[str] = []
        self._token = re.compile(rf"<!--({self._word}\d+z)-->|({self._word}\d+z)")
        self.source = _Hiding(self).run(source)

    def hide(self, tag: str) -> str:
        """A word that stands for the tag until `show`."""
        self._tags.append(tag)
        return f"{self._word}{len(self._tags) - 1}z"

    def show(self, text: str) -> str:
        return self._token.sub(lambda match: self._tag(match[1] or match[2]), text)

    def words(self, text: str) -> list[str]:
        """The stand-ins in a piece of text, in order."""
        return [match[1] or match[2] for match in self._token.finditer(text)]

    def _tag(self, word: str) -> str:
        return self._tags[int(word[len(self._word) : -1])]


class _Hiding:
    """One pass over the source that knows whether it is in text, inside <…>, in quotes or in a comment."""

    def __init__(self, hidden: Hidden) -> None:
        self.hidden = hidden
        self.quote = ""
        self.in_tag = False
        self.in_comment = False
        self.text_only = ""

    def run(self, source: str) -> str:
        return _MARK.sub(self.replace, source)

    def replace(self, match: re.Match[str]) -> str:
        tag = match["tag"]
        if tag is not None:
            return self.stand_in(tag)
        if self.in_comment:
            self.in_comment = not match["uncomment"]
        elif self.quote:
            self.quote = "" if match["quote"] == self.quote else self.quote
        elif self.in_tag:
            self.quote = match["quote"] or ""
            self.in_tag = not (match["end"] or match["uncomment"])
        elif match["comment"]:
            self.in_comment = True
        elif match["name"]:
            self.open(match["name"].lower(), closing=bool(match["close"]))
        return match.group()

    def open(self, name: str, *, closing: bool) -> None:
        if self.text_only:
            if closing and name == self.text_only:
                self.text_only = ""
                self.in_tag = True
            return
        self.in_tag = True
        if name in _TEXT_ONLY and not closing:
            self.text_only = name

    def stand_in(self, tag: str) -> str:
        if tag.startswith("{#"):
            return ""
        word = self.hidden.hide(tag)
        running_text = not (self.in_tag or self.in_comment or self.text_only)
        return f"<!--{word}-->" if running_text and tag.startswith("{%") else word
