"""What a job title tells: a role and a department, by the marketers' table of words (TitleRule).

A rule's words are comma-separated and matched whole, without capitals and accents: `cto, chief technology officer`.
`*` stands for any letters of one word (`*leiter`), alone for any title, and a leading `-` says where the rule does not
apply: `student, -student affairs`. For role and for department alike the first rule that fits counts.
"""

import re
import time
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, NamedTuple

import yaml
from django.conf import settings

from leads.batch import LeadRow
from leads.models.lead import Role
from leads.profile import plain
from lifecycle.core import sql

DEPARTMENTS = (
    "engineering", "marketing", "sales", "product", "finance", "people", "operations", "it", "support", "legal",
    "executive",
)  # fmt: skip
# Seconds for which a process goes on with the rules it read.
KEPT = 30.0
_SHIPPED = settings.BASE_DIR / "lifecycle/playbooks/titles.yaml"
_WORD = re.compile(r"\w+")
_READ = "SELECT words, role, department, is_active FROM leads_titlerule ORDER BY position, id"


class Rule(NamedTuple):
    words: str
    role: str = ""
    department: str = ""


class Reading(NamedTuple):
    role: str
    department: str


class WordsError(ValueError):
    """The words of a rule do not read; the message says why."""


class _Pattern(NamedTuple):
    """A rule to match with. `begins`: a title without any of these words need not be looked at; None: it does."""

    fits: re.Pattern[str]
    fits_not: re.Pattern[str] | None
    begins: frozenset[str] | None
    role: str
    department: str

    def matches(self, title: str, words: frozenset[str]) -> bool:
        if self.begins is not None and self.begins.isdisjoint(words):
            return False
        return bool(self.fits.search(title)) and not (self.fits_not and self.fits_not.search(title))


class Titles:
    """The rules in their order. Pure: no database. Titles come again and again, so readings are remembered."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._patterns = [_pattern(rule) for rule in rules]
        self.read = lru_cache(maxsize=8_192)(self._read)

    def _read(self, job_title: str) -> Reading:
        """Role and department of a title; both are "" without one."""
        title = plain(job_title)
        role = department = ""
        words = frozenset(_WORD.findall(title))
        for pattern in self._patterns if title else ():
            says_more = (pattern.role and not role) or (pattern.department and not department)
            if says_more and pattern.matches(title, words):
                role, department = role or pattern.role, department or pattern.department
                if role and department:
                    break
        return Reading(role, department)


def check(words: str) -> None:
    """WordsError if these words cannot be matched."""
    _pattern(Rule(words))


def current() -> Titles:
    """The rules of the table, at most `KEPT` seconds old; those that ship while the table has none."""
    if _known is None or time.monotonic() - _known[0] >= KEPT:
        rows = sql.fetch(_READ)
        _remember(_of(tuple(Rule(*row[:3]) for row in rows if row[3])) if rows else shipped())
    assert _known is not None
    return _known[1]


def forget() -> None:
    """Read the table again at the next title: a rule was changed here."""
    _remember(None)


def tell(row: LeadRow) -> list[str]:
    """Bring role and department of a held lead in line with the job title; the columns that changed."""
    reading = current().read(row["job_title"])
    return [column for column, value in zip(Reading._fields, reading, strict=True) if row.set(column, value)]


@cache
def shipped() -> Titles:
    """The rules as they ship, in several languages."""
    data = yaml.safe_load(_SHIPPED.read_text(encoding="utf-8"))
    return Titles(Rule(row["words"], row.get("role", ""), row.get("department", "")) for row in data["rules"])


def checked(values: dict[str, Any]) -> dict[str, Any]:
    """The columns of a rule as somebody wrote them. ValueError names what is wrong."""
    check(values["words"])
    if values.get("role", "") not in ("", *Role.values):
        raise WordsError(f"there is no role {values['role']!r}, only {', '.join(Role.values)}")
    return values


_known: tuple[float, Titles] | None = None


def _remember(titles: Titles | None) -> None:
    global _known
    _known = (time.monotonic(), titles) if titles else None


@lru_cache(maxsize=4)
def _of(rules: tuple[Rule, ...]) -> Titles:
    return Titles(rules)


def _pattern(rule: Rule) -> _Pattern:
    phrases = [phrase.strip() for phrase in rule.words.split(",") if phrase.strip()]
    wanted = [_text(phrase) for phrase in phrases if not phrase.startswith("-")]
    unwanted = [_text(phrase[1:]) for phrase in phrases if phrase.startswith("-")]
    if not wanted:
        raise WordsError("name at least one word that fits; * alone fits any title")
    begins = [_first_word(phrase) for phrase in wanted]
    known = None if None in begins else frozenset(word for word in begins if word)
    return _Pattern(_regex(wanted), _regex(unwanted) if unwanted else None, known, rule.role, rule.department)


def _text(phrase: str) -> str:
    text = plain(phrase)
    if not text:
        raise WordsError(f"“{phrase}” has no letters to look for")
    return text


def _first_word(phrase: str) -> str | None:
    """The word that any title with this phrase has, or None if that cannot be told."""
    first = _WORD.match(phrase)
    return None if first is None or "*" in phrase.split()[0] else first[0]


def _regex(phrases: list[str]) -> re.Pattern[str]:
    """Any of the phrases, from the beginning of a word to the end of one."""
    parts = [
        ".*" if phrase == "*" else r"\w*".join(re.escape(part) for part in phrase.split("*")) for phrase in phrases
    ]
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)")
