"""Rules as form fields: every fault is named with its place, and a sound rule reads as a sentence."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

from lifecycle.core import rules


class CodeField(forms.Field):
    """JSON typed by a person. An empty box is `empty`."""

    def __init__(self, *, empty: Any, rows: int = 6, **kwargs: Any) -> None:
        self.empty = empty
        widget = UnfoldAdminTextareaWidget(attrs={"rows": rows, "spellcheck": "false", "class": "code-box"})
        # A declared field does not see its model's default: without this a new row would begin with "null".
        super().__init__(required=False, widget=widget, **{"initial": empty, **kwargs})

    def prepare_value(self, value: Any) -> str:
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value.strip() else self.empty
        except json.JSONDecodeError as error:
            raise ValidationError(f"Not JSON at line {error.lineno}, column {error.colno}: {error.msg}.") from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != self.to_python(initial))
        except ValidationError:
            return True


class RuleField(CodeField):
    """A rule; {} holds for everyone."""

    def __init__(self, *, vocabulary: rules.Vocabulary, since_enrollment: bool = False, **kwargs: Any) -> None:
        self.vocabulary = vocabulary
        self.since_enrollment = since_enrollment
        super().__init__(empty={}, rows=10, **kwargs)

    def prepare_value(self, value: Any) -> str:
        """In the order people write it: the database keeps no order of names."""
        try:
            rule = rules.parse(value, self.vocabulary, since_enrollment=self.since_enrollment)
        except rules.RuleError:
            return super().prepare_value(value)
        return super().prepare_value({name: part for name, part in rule.data.items() if name != "version"})

    def validate(self, value: Any) -> None:
        refuse(rules.validate(value, self.vocabulary, since_enrollment=self.since_enrollment))


class WhereField(CodeField):
    """Tests on an event's properties: [{"property": "plan", "op": "eq", "value": "pro"}]."""

    def __init__(self, *, vocabulary: rules.Vocabulary, **kwargs: Any) -> None:
        self.vocabulary = vocabulary
        super().__init__(empty=[], rows=3, **kwargs)

    def validate(self, value: Any) -> None:
        if value:
            refuse(rules.validate({"event": "some.event", "where": value}, self.vocabulary))


def refuse(problems: list[rules.Problem]) -> None:
    """ValidationError with one line for each problem, none if there is none."""
    if problems:
        raise ValidationError([str(problem) for problem in problems])


def english(data: Any, vocabulary: rules.Vocabulary, *, since_enrollment: bool = False) -> str:
    """The stored rule as a sentence, or what is wrong with it."""
    try:
        return rules.parse(data, vocabulary, since_enrollment=since_enrollment).english()
    except rules.RuleError as error:
        return f"This rule cannot be used. {error}"
