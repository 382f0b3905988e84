"""The operators: which type knows which, what operand each takes, and how it reads in English."""

from dataclasses import dataclass
from typing import Literal

from .vocabulary import FieldType

Takes = Literal["nothing", "one", "many", "range", "duration", "instant"]


@dataclass(frozen=True, slots=True)
class Operator:
    takes: Takes
    words: str


OPERATORS: dict[str, Operator] = {
    "eq": Operator("one", "is {}"),
    "ne": Operator("one", "is not {}"),
    "in": Operator("many", "is one of {}"),
    "not_in": Operator("many", "is none of {}"),
    "contains": Operator("one", "contains {}"),
    "starts_with": Operator("one", "starts with {}"),
    "ends_with": Operator("one", "ends with {}"),
    "lt": Operator("one", "is below {}"),
    "lte": Operator("one", "is at most {}"),
    "gt": Operator("one", "is above {}"),
    "gte": Operator("one", "is at least {}"),
    "between": Operator("range", "is between {}"),
    "is_true": Operator("nothing", "is yes"),
    "is_false": Operator("nothing", "is no"),
    "before": Operator("instant", "is before {}"),
    "after": Operator("instant", "is after {}"),
    "within_last": Operator("duration", "is within the last {}"),
    "within_next": Operator("duration", "is within the next {}"),
    "older_than": Operator("duration", "is more than {} ago"),
    "is_set": Operator("nothing", "is known"),
    "is_not_set": Operator("nothing", "is not known"),
}

# A negative operator is exactly "not" the positive one, so a missing value passes it.
NEGATIVE = {"ne": "eq", "not_in": "in", "is_not_set": "is_set"}

RELATIVE = frozenset({"within_last", "within_next", "older_than"})

_EQUAL = ("eq", "ne", "in", "not_in")
_PARTS = ("contains", "starts_with", "ends_with")
_ORDER = ("lt", "lte", "gt", "gte", "between")
_TRUTH = ("is_true", "is_false")
_PRESENCE = ("is_set", "is_not_set")
_TIME = ("before", "after", "within_last", "within_next", "older_than")

OF_TYPE: dict[FieldType, tuple[str, ...]] = {
    "text": (*_EQUAL, *_PARTS, *_PRESENCE),
    "choice": (*_EQUAL, *_PRESENCE),
    "number": (*_EQUAL, *_ORDER, *_PRESENCE),
    "boolean": ("eq", "ne", *_TRUTH, *_PRESENCE),
    "datetime": (*_TIME, *_PRESENCE),
    "json": (*_EQUAL, *_PARTS, *_ORDER, *_TRUTH, *_TIME, *_PRESENCE),
}
