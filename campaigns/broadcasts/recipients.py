"""The recipients of a run, page by page: as fast on the last page of 100,000 as on the first. Nothing is counted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from campaigns.models import BroadcastRun, Message
from leads.models import Lead
from lifecycle.core import sql

PAGE = 50
# One short range of the index message_of_broadcast_run for each state, merged by id. The comparison of rows and the
# order by state say nothing new; they keep the planner from walking along the primary key past everybody else's mail.
PAGE_SQL = """
    SELECT found.id FROM unnest(%b::text[]) AS wanted (state)
    CROSS JOIN LATERAL (
        SELECT m.id FROM campaigns_message m
        WHERE m.broadcast_run_id = %b AND (m.state, m.id) > (wanted.state, %b::bigint) AND m.state <= wanted.state
        ORDER BY m.state, m.id LIMIT %b
    ) AS found
    ORDER BY found.id LIMIT %b
"""


@dataclass(frozen=True, slots=True)
class Page:
    """`after`: where the next page begins; None on the last."""

    rows: list[Message]
    after: int | None


def page(run: BroadcastRun, *, state: str = "", after: int = 0, size: int = PAGE) -> Page:
    """The next recipients behind the message id `after`, of one state or of all. Two queries."""
    states = [state] if state else list(Message.State.values)
    ids = [row[0] for row in sql.fetch(PAGE_SQL, [states, run.pk, after, size + 1, size + 1])]
    return Page(_rows(ids[:size]), ids[size - 1] if len(ids) > size else None)


def found(run: BroadcastRun, address: str) -> Page:
    """The recipient of a whole address, found by the message's key."""
    leads = Lead.objects.filter(email_normal=address.strip().lower()).values_list("pk", flat=True)
    keys = [f"broadcast:{run.pk}:{lead_id}" for lead_id in leads]
    return Page(_rows(list(Message.objects.filter(key__in=keys).values_list("pk", flat=True))), None)


def table(run: BroadcastRun, *, state: str = "") -> Iterator[list[str]]:
    """Every recipient as a line of a CSV file, its head first; read in pages, so that memory stays flat."""
    yield ["email", "name", "variant", "state", "reason", "due", "sent"]
    after: int | None = 0
    while after is not None:
        here = page(run, state=state, after=after, size=2_000)
        yield from ([_safe(cell) for cell in _line(message)] for message in here.rows)
        after = here.after


def _line(message: Message) -> list[str]:
    lead = message.lead
    times = [f"{at:%Y-%m-%d %H:%M:%S}" if at else "" for at in (message.due_at, message.sent_at)]
    return [lead.email, lead.full_name, message.variant_key, message.state, message.reason, *times]


def _safe(cell: str) -> str:
    """What a spreadsheet would take for a formula becomes text."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _rows(ids: Sequence[int]) -> list[Message]:
    return list(Message.objects.filter(pk__in=ids).select_related("lead").order_by("pk"))
