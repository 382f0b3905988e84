"""Which channel a touch belongs to, by the marketers' rules: in Python for one, in SQL for many, both the same.

The first rule whose every test holds names the channel. A test is a comma-separated list of words with * for anything;
an empty one always holds. Touches keep what was sent, so a changed rule groups the past anew.
"""

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lifecycle.core import sql

OTHER = "Other"
_READ = """
    SELECT channel, sources, mediums, campaigns, click_ids FROM leads_channelrule
    WHERE is_active ORDER BY position, id
"""
_CLICKED = "EXISTS (SELECT FROM jsonb_object_keys({alias}.click_ids) AS k (id) WHERE k.id LIKE ANY(%b::text[]))"


class Rule(NamedTuple):
    channel: str
    sources: str = ""
    mediums: str = ""
    campaigns: str = ""
    click_ids: str = ""


class _Words:
    """A list of words to be matched whole."""

    def __init__(self, text: str) -> None:
        self._words = [word for part in text.split(",") if (word := part.strip().lower())]
        self._patterns = [re.compile(fnmatch.translate(_only_stars(word))) for word in self._words]

    def __bool__(self) -> bool:
        return bool(self._words)

    def fits(self, value: str) -> bool:
        return not self._words or any(pattern.match(value) for pattern in self._patterns)

    def fits_any(self, values: Iterable[str]) -> bool:
        return not self._words or any(map(self.fits, values))

    def like(self) -> list[str]:
        return [re.sub(r"([\\%_])", r"\\\1", word).replace("*", "%") for word in self._words]


class _Test(NamedTuple):
    channel: str
    sources: _Words
    mediums: _Words
    campaigns: _Words
    click_ids: _Words

    def holds(self, source: str, medium: str, campaign: str, click_ids: Iterable[str]) -> bool:
        return (
            self.sources.fits(source)
            and self.mediums.fits(medium)
            and self.campaigns.fits(campaign)
            and self.click_ids.fits_any(click_ids)
        )

    def clause(self, alias: str) -> tuple[str, list[list[str]]]:
        columns = (("source", self.sources), ("medium", self.mediums), ("campaign", self.campaigns))
        parts = [(f"{alias}.{column} LIKE ANY(%b::text[])", words) for column, words in columns if words]
        if self.click_ids:
            parts.append((_CLICKED.format(alias=alias), self.click_ids))
        return " AND ".join(clause for clause, _ in parts) or "true", [words.like() for _, words in parts]


class Channels:
    """The rules in their order. Pure."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._tests = [_Test(rule.channel, *map(_Words, rule[1:])) for rule in rules]

    def of(self, source: str, medium: str, campaign: str, click_ids: Mapping[str, str] | Iterable[str] = ()) -> str:
        """The channel of a touch with these values; OTHER if no rule fits."""
        clicked = list(click_ids)
        return next((test.channel for test in self._tests if test.holds(source, medium, campaign, clicked)), OTHER)

    def place(self, source: str, medium: str, campaign: str, click_ids: Iterable[str] = ()) -> int | None:
        """Which rule that is, counted from 0; None for OTHER."""
        clicked = list(click_ids)
        found = (at for at, test in enumerate(self._tests) if test.holds(source, medium, campaign, clicked))
        return next(found, None)

    def case(self, alias: str) -> tuple[str, list[Any]]:
        """The channel as an expression over a touch under this alias, and the parameters of its %b."""
        whens, given = [], list[Any]()
        for test in self._tests:
            clause, words = test.clause(alias)
            whens.append(f"WHEN {clause} THEN %b::text")
            given += [*words, test.channel]
        if not whens:
            return "%b::text", [OTHER]
        return f"CASE {' '.join(whens)} ELSE %b::text END", [*given, OTHER]

    def names(self) -> Sequence[str]:
        """Every channel there is, in order, OTHER last."""
        return list(dict.fromkeys([*(test.channel for test in self._tests), OTHER]))


def _only_stars(word: str) -> str:
    return word.replace("[", "[[]").replace("?", "[?]")


def current() -> Channels:
    """The active rules: one query."""
    return Channels(Rule(*row) for row in sql.fetch(_READ))
