"""How far a proof goes that tries many orders and examples: a sample in each run, much further with THOROUGH=1.

`make chaos` is thorough.
"""

import os


def tries(usually: int, *, thoroughly: int) -> int:
    return thoroughly if os.environ.get("THOROUGH") else usually
