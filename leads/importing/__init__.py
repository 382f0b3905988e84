"""People from files, for doors. A run is a row: whoever works on it goes on where the last worker left it.

reading (what the file says) → mapping (which column is what) → cleaning (a row as a person, pure) → planning (what it
does to the lead, pure) → storing (set-based) ← running (chunks, leases, counters) ← asking (what people ask for).
"""

from leads.importing.asking import LARGEST, begin, cancel, check, discard, go_on, match, start
from leads.importing.keeping import forget, forget_person
from leads.importing.mapping import MappingProblem
from leads.importing.reading import FileProblem
from leads.importing.running import run_due, run_now

__all__ = [
    "LARGEST",
    "FileProblem",
    "MappingProblem",
    "begin",
    "cancel",
    "check",
    "discard",
    "forget",
    "forget_person",
    "go_on",
    "match",
    "run_due",
    "run_now",
    "start",
]
