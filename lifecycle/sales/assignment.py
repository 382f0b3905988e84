"""Who gets a lead without an owner: the first rule that fits, its reps in turn."""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import F

from leads.rule_fields import VOCABULARY
from lifecycle.core import rules
from lifecycle.sales.models import AssignmentRule


class Pool:
    """The active rules with their reps, read once a batch. `next_for` counts a turn; `save` keeps the counts."""

    def __init__(self) -> None:
        found = AssignmentRule.objects.filter(is_active=True).prefetch_related("reps")
        self._rules = [(rule, rules.parse(rule.condition, VOCABULARY), _reps(rule)) for rule in found]
        self._taken: dict[int, int] = {}

    @property
    def needs(self) -> rules.Needs:
        return rules.Needs().merge(*(parsed.needs() for _, parsed, _ in self._rules))

    def next_for(self, facts: rules.Facts, now: datetime) -> User | None:
        for rule, parsed, reps in self._rules:
            if reps and parsed.matches(facts, now):
                turn = rule.turns + self._taken.get(rule.pk, 0)
                self._taken[rule.pk] = self._taken.get(rule.pk, 0) + 1
                return reps[turn % len(reps)]
        return None

    def save(self) -> None:
        for pk, taken in sorted(self._taken.items()):
            AssignmentRule.objects.filter(pk=pk).update(turns=F("turns") + taken)


def _reps(rule: AssignmentRule) -> list[User]:
    active: Iterable[User] = (rep for rep in rule.reps.all() if rep.is_active)
    return sorted(active, key=lambda rep: rep.pk)
