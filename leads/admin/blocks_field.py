"""The blocks of a landing page as a form field: a list to edit, JSON underneath."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget

from leads.pages import blocks
from leads.pages.kinds import KINDS, Asked, asked_of
from lifecycle.core.admin.rule_fields import CodeField


def specification() -> list[dict[str, Any]]:
    """What the editor must know of each kind of block: its words and its fields."""
    return [
        {"type": name, "label": kind.LABEL, "help": kind.HELP, "fields": _fields(kind)} for name, kind in KINDS.items()
    ]


class BlocksWidget(UnfoldAdminTextareaWidget):
    """A box of JSON that static/js/blocks.js turns into the editor. Without scripts it stays a box."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        box = super().render(name, value, {**(attrs or {}), "data-blocks": "block-kinds"}, renderer)
        return format_html("{}{}", box, json_script(specification(), "block-kinds"))


class BlocksField(CodeField):
    """Every fault of the blocks is named with its place; what is stored is what was said, in order."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(empty=[], **kwargs)
        self.widget = BlocksWidget(attrs={"rows": 30, "spellcheck": "false", "class": "code-box"})

    def prepare_value(self, value: Any) -> str:
        """In the order people write it: the database keeps no order of names."""
        if isinstance(value, str):
            return value
        found, problems = blocks.read_leniently(value)
        return super().prepare_value(value if problems else blocks.plain(found))

    def validate(self, value: Any) -> None:
        try:
            blocks.read(value)
        except blocks.BlockError as refused:
            raise ValidationError([str(problem) for problem in refused.problems]) from refused

    def clean(self, value: Any) -> Any:
        return blocks.plain(blocks.read(super().clean(value)))


def _fields(kind: type) -> list[dict[str, Any]]:
    return [{"name": name, **_field(asked)} for name, asked in asked_of(kind).items()]


def _field(asked: Asked) -> dict[str, Any]:
    return {
        "label": asked.label,
        "control": asked.control,
        "required": asked.required,
        "most": asked.most,
        "hint": asked.hint,
        "options": [list(option) for option in asked.options],
        "of": _fields(asked.of) if asked.of else [],
    }
