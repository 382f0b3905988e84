"""WB001, WB002 …: numbers given in turn, within the transaction that makes the webinar, so that none is lost."""

from datetime import datetime

from django.db import transaction

from lifecycle.core import sql
from webinars.models import Webinar

# Waits for whoever is making another webinar, and gives nothing away if the transaction fails.
_NEXT = """
    INSERT INTO webinars_counter (id, last) VALUES (1, 1)
    ON CONFLICT (id) DO UPDATE SET last = webinars_counter.last + 1 RETURNING last
"""


@transaction.atomic
def create(webinar: Webinar, *, now: datetime) -> Webinar:
    """Store a new webinar under the next code."""
    webinar.code = f"WB{sql.fetch(_NEXT, [])[0][0]:03}"
    webinar.created_at = webinar.updated_at = now
    webinar.save(force_insert=True)
    return webinar
