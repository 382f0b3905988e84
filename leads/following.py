"""Where a person goes after a form. It never tells whether they were known."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.urls import reverse

from leads.models import Form
from lifecycle.core import tokens

FILE = "file"
FRAMED = "embed"
NOBODY = 0


def of(form: Form, lead_id: int, *, framed: bool = False, now: datetime) -> str:
    """The website's own page, or the path of ours, with the signed link of the file that the form gives.

    With double opt-in the inbox comes first, whatever follows then. A frame stays ours: its page has the website's own
    opened around it.
    """
    if form.thank_you_url and not form.double_opt_in and not framed:
        return form.thank_you_url
    query = {} if form.double_opt_in else file_of(form, lead_id, now=now)
    query |= {FRAMED: "1"} if framed else {}
    return reverse("thanks", args=[form.slug]) + (f"?{urlencode(query)}" if query else "")


def file_of(form: Form, lead_id: int, *, now: datetime) -> dict[str, str]:
    """What lets the thank-you page show the form's file, for its query; nothing without one."""
    if form.magnet_id is None or form.magnet is None or not form.magnet.is_active:
        return {}
    expires = int((now + timedelta(days=form.magnet.link_days)).timestamp())
    return {FILE: tokens.download_token(form.magnet.pk, lead_id, expires)}


def file_url(form: Form, token: str, *, now: datetime) -> str:
    """The path of the form's file for whom the token names; "" for a token that is not for it, or too old."""
    read = tokens.read_download_token(token)
    if read is None or read.magnet_id != form.magnet_id or now.timestamp() >= read.expires:
        return ""
    return f"/f/{token}"
