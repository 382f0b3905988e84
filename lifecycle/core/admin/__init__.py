"""What the admin pages of every app are made of: fast lists, rows to read, questions before an act, rules as fields."""

from .asking import asking, dialog
from .bases import EditAdmin, InsertOnlyAdmin, NewestInline
from .clocks import WallClockField
from .counting import counted
from .paginator import EstimatedPaginator
from .rule_fields import RuleField, WhereField, english
from .showing import admin_link, ago, code, sandboxed, table

__all__ = [
    "EditAdmin",
    "EstimatedPaginator",
    "InsertOnlyAdmin",
    "NewestInline",
    "RuleField",
    "WallClockField",
    "WhereField",
    "admin_link",
    "ago",
    "asking",
    "code",
    "counted",
    "dialog",
    "english",
    "sandboxed",
    "table",
]
