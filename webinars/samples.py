"""A webinar that does not exist, for drafts of mails that speak of one."""

from typing import Any

from campaigns.editing import previewing

LINKS = "join_url page_url public_url webinars_url calendar_url google_url outlook_url survey_url cancel_url".split()

REGISTRATION: dict[str, Any] = {
    "webinar": "WB001",
    "registration": 0,
    "title": "Onboarding that sticks",
    "summary": "What the first week decides, and what it does not.",
    "starts_at": "2026-03-10T15:00:00Z",
    "ends_at": "2026-03-10T15:45:00Z",
    "when": "Tuesday, 10 March 2026, 16:00–16:45 CET",
    "before": "Monday, 9 March 2026, 16:00–16:45 CET",
    "time_zone": "Europe/Berlin",
    "minutes": 45,
    "speakers": "Ada Park and Leo Ruiz",
    "recording_url": "https://webinars.example.com/recording",
    "promoted": False,
    "had_seat": True,
    **{name: f"https://webinars.example.com/{name.removesuffix('_url')}" for name in LINKS},
}
"""As `telling.properties`, and what single events add."""

previewing.EVENT.update(REGISTRATION)
