"""Which touches led to what was won: credit by six models from the same touches, exact to the cent."""

from lifecycle.reports.attribution.adding import Credit
from lifecycle.reports.attribution.asking import Asking
from lifecycle.reports.attribution.dimensions import DIMENSIONS, UNATTRIBUTED
from lifecycle.reports.attribution.models import MODELS
from lifecycle.reports.attribution.questions import ASKED, Question, question
from lifecycle.reports.attribution.report import Report, Row, Section, attribution

__all__ = [
    "ASKED",
    "DIMENSIONS",
    "MODELS",
    "UNATTRIBUTED",
    "Asking",
    "Credit",
    "Question",
    "Report",
    "Row",
    "Section",
    "attribution",
    "question",
]
