"""Whether it becomes known who attended."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from lifecycle.core import sql, wellbeing
from lifecycle.core.wellbeing import Finding, Level

AREA = "Webinars"
# By then Zoom has told what it tells, and a file could have been uploaded.
PATIENCE = timedelta(hours=12)
# Older ones nobody follows up any more.
LATELY = timedelta(days=21)
_OPEN_QUESTIONS = """
    SELECT w.code FROM webinars_webinar w
    WHERE w.state = 'open' AND w.attendance_known_at IS NULL AND w.starts_at BETWEEN %b AND %b
      AND w.starts_at + make_interval(mins => w.minutes) < %b::timestamptz
      AND EXISTS (SELECT FROM webinars_registration r WHERE r.webinar_id = w.id AND r.state = 'registered')
    ORDER BY w.starts_at
"""


def attendance(now: datetime) -> Iterator[Finding]:
    until = now - PATIENCE
    codes = [code for (code,) in sql.fetch(_OPEN_QUESTIONS, [now - LATELY, until, until])]
    if codes:
        named = ", ".join(codes[:5]) + (" …" if len(codes) > 5 else "")
        says = f"Nobody told who attended {named}: no follow-up is sent."
        remedy = "Upload the attendance on the webinar's page; with Zoom, look whether its webinar events reach us."
        yield Finding(AREA, Level.WARNING, says, remedy)


wellbeing.register("webinars", attendance)
