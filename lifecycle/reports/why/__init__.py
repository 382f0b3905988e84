"""Why: for every mail sent or not sent, every score and every stage, the checks in order with the values they saw."""

from lifecycle.reports.why.broadcast import broadcast
from lifecycle.reports.why.mail import NotThere, mail
from lifecycle.reports.why.rows import Answer, Line, log_of, told, words_for
from lifecycle.reports.why.standing import score, stage

__all__ = ["Answer", "Line", "NotThere", "broadcast", "log_of", "mail", "score", "stage", "told", "words_for"]
