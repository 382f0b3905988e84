"""What a form asks, all of it pure: `definition` reads it, `checking` refuses what is wrong in it, `conditions` says
which questions are asked, `answers` reads what people sent."""

from leads.questions.answers import Answer
from leads.questions.answers import read as answer
from leads.questions.checking import faults
from leads.questions.conditions import hidden
from leads.questions.definition import EMAIL, KEYS, TYPES, Condition, Option, Question, asked, read

__all__ = [
    "EMAIL", "KEYS", "TYPES", "Answer", "Condition", "Option", "Question", "answer", "asked", "faults", "hidden",
    "read",
]  # fmt: skip
