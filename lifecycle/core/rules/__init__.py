"""The condition language of segments, filters, entries, exits, score rules and stage rules.

    rule = parse({"field": "company_size", "op": "gte", "value": 50}, vocabulary)
    rule.matches(facts, now)                             # one lead, in memory
    Lead.objects.filter(rule.q(now, events=Event.objects.all()))    # a set, in Postgres, with the same answer
    rule.english()                                       # "Company size is at least 50"

What holds in both evaluations:

- None, "", a missing JSON member and JSON null are *missing*. A missing value fails every positive test and passes
  `ne`, `not_in` and `is_not_set`; a negative operator is exactly "not" its positive one.
- Text ignores case as `folding` says; nothing else is equated, and spaces count. `%` and `_` are ordinary letters.
  A choice is compared as it is.
- A JSON value (`attributes.x`, an event's property) keeps its type: the text "5" is not the number 5, `true` is not 1,
  and a value of another type fails the positive test.
- `within` and `within_last` mean `now - span < at <= now`, `since` means `start < at <= now`: the future never counts.
- Numbers compare by their exact decimal value.
"""

from .explaining import Check
from .facts import EventFact, EventNeed, Facts, Needs
from .parsing import parse, validate
from .problems import Problem, RuleError
from .rule import Rule
from .vocabulary import Field, Vocabulary

__all__ = [
    "Check",
    "EventFact",
    "EventNeed",
    "Facts",
    "Field",
    "Needs",
    "Problem",
    "Rule",
    "RuleError",
    "Vocabulary",
    "parse",
    "validate",
]
