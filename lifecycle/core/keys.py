"""Names that make two tellings of a fact one, where a table holds them in so many characters."""

import hashlib

LONGEST = 200
_DIGEST = 64


def fitting(name: str, longest: int = LONGEST) -> str:
    """The name; a longer one shortened so that it still is no other's."""
    if len(name) <= longest:
        return name
    return f"{name[: longest - _DIGEST - 1]}:{hashlib.sha256(name.encode()).hexdigest()}"
