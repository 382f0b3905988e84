"""Links that open a calendar of the web with the webinar filled in."""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from webinars import calendar_links
from webinars.models import Webinar

JOIN = "https://zoom.us/j/93?pwd=a,b;c&x=1"
HARD = 'Fit, intent; and \\ a "score"\nin two lines & more + 20% #1'
texts = st.text(st.characters(codec="utf-8"), max_size=300)


def webinar(**changes: str) -> Webinar:
    return Webinar(**{"title": "Scoring", "starts_at": datetime(2026, 3, 9, 18, tzinfo=UTC), "minutes": 60} | changes)


def asked(url: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}


@settings(max_examples=100, deadline=None)
@given(title=texts, summary=texts)
@example(HARD, HARD)
def test_the_links_carry_the_webinar_unharmed(title: str, summary: str) -> None:
    given = webinar(title=title, summary=summary)
    google, outlook = (asked(link(given, where=JOIN)) for link in (calendar_links.google, calendar_links.outlook))
    assert google["dates"] == "20260309T180000Z/20260309T190000Z"
    assert (outlook["startdt"], outlook["enddt"]) == ("2026-03-09T18:00:00Z", "2026-03-09T19:00:00Z")
    assert google.get("text", "") == outlook.get("subject", "") == title
    assert google["details"] == outlook["body"] == "\n\n".join(filter(None, [summary, JOIN]))
    assert google["location"] == outlook["location"] == JOIN


@pytest.mark.parametrize("link", [calendar_links.google, calendar_links.outlook])
def test_blanks_are_no_plus_signs_which_outlook_would_show(link: Callable[..., str]) -> None:
    url = link(webinar(title="Größe + 🎥 now"), where=JOIN)
    assert url.isascii()
    assert " " not in url
    assert "+" not in url
