"""How long after a form was shown it came back: robots are quick, and a page that lies open for days is old. Pure."""

from datetime import UTC, datetime, timedelta
from enum import Enum

from leads.models import Form
from lifecycle.core import tokens

LONGEST = timedelta(days=1)
FIELD = "lc_t"


class Pace(Enum):
    """`UNSIGNED`: without a time of ours. `HASTY`: no person is that quick. `STALE`: too old to say anything."""

    FINE = "fine"
    UNSIGNED = "unsigned"
    HASTY = "hasty"
    STALE = "stale"


def sign(form: Form, *, now: datetime) -> str:
    """The time that goes with a form shown now."""
    return tokens.shown_token(form.pk, _milliseconds(now))


def judge(token: object, form: Form, *, now: datetime) -> Pace:
    """What the time says that came back with a post of this form. A time of another form is none."""
    shown = tokens.read_shown_token(token) if isinstance(token, str) else None
    if shown is None or shown.form_id != form.pk:
        return Pace.UNSIGNED
    took = timedelta(milliseconds=_milliseconds(now) - shown.milliseconds)
    if took > LONGEST:
        return Pace.STALE
    return Pace.HASTY if took < timedelta(seconds=form.min_seconds) else Pace.FINE


def sign_again(token: object, form: Form, *, now: datetime) -> str:
    """The time for a form that is shown again with what was sent: mending a word takes but a second."""
    if isinstance(token, str) and judge(token, form, now=now) in (Pace.FINE, Pace.HASTY):
        return token
    return sign(form, now=now - timedelta(seconds=form.min_seconds))


def _milliseconds(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() * 1000)
