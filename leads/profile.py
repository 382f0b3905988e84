"""What people write about themselves, made storable and comparable. Pure; their words are data and stay as written."""

import re
import unicodedata
import zoneinfo
from functools import cache

LARGEST = 2_147_483_647

# Column of the lead → the most characters it takes.
LIMITS = {
    "first_name": 100,
    "last_name": 100,
    "phone": 60,
    "job_title": 160,
    "company_name": 200,
    "industry": 120,
    "country": 80,
    "timezone": 64,
    "organization_type": 120,
}

_BREAKS = re.compile(r"[\r\n\t\v\f\x85\u2028\u2029]+")
_SIZE = re.compile(r"\d{1,3}(?:[ ,.'’\u00a0\u202f]\d{3})+(?!\d)|\d+")
_THOUSANDS = re.compile(r"(\d+(?:[.,]\d+)?)\s*k\b", re.IGNORECASE)
_BELOW = re.compile(
    r"^\s*(<|≤|under\b|fewer than\b|less than\b|up to\b|below\b|bis\b|unter\b|weniger als\b|moins de\b|hasta\b)",
    re.IGNORECASE,
)


def clean(value: str, *, lines: bool = False) -> str:
    """Text without control characters; line breaks become spaces unless `lines` keeps them."""
    if value.isprintable():  # no control character and no break in it
        return value.strip()
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    if not lines:
        text = _BREAKS.sub(" ", text)
    kept = "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs"))
    return kept.strip()


def company_size(value: object) -> int | None:
    """Employees, as the lower bound of what was said: "50-500" is 50, "1,001+" is 1001, "< 10" is 1; None if unsaid."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return int(value) if 0 < value <= LARGEST else None
    text = _THOUSANDS.sub(lambda match: str(int(float(match[1].replace(",", ".")) * 1000)), str(value)[:100])
    found = _SIZE.search(text)
    if found is None:
        return None
    size = int(re.sub(r"\D", "", found[0])[:12])
    if _BELOW.match(text):
        return 1
    return size if 0 < size <= LARGEST else None


def zone(value: str) -> str:
    """The time zone if there is one of that name, else ""."""
    return value if value in _zones() else ""


@cache
def _zones() -> frozenset[str]:
    """Looked up once a process: the library walks through the files of all zones each time."""
    return frozenset(zoneinfo.available_timezones())


def plain(text: str) -> str:
    """Lower case, without accents, dots of abbreviations and doubled spaces."""
    decomposed = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss"))
    letters = (
        "".join(char for char in decomposed if not unicodedata.combining(char)).replace("ł", "l").replace("ø", "o")
    )
    return re.sub(r"\s+", " ", re.sub(r"(?<=\b\w)\.", "", letters)).strip()
