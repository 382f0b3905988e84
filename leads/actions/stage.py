"""Move a lead through its lifecycle by hand or by the clock. By events, the pipeline does."""

from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from leads import claiming, rulebook, stages
from leads.actions.record import record
from leads.appraisal import Move, move_properties, set_stage, write_moves
from leads.batch import LeadRow, flush_leads
from leads.log import NewEvent
from leads.models import Event, Lead, StageChange
from leads.pipeline import process_at_once
from leads.rulebook import MovingRule

CHUNK = 1_000


def move_stage(
    lead: Lead, to: str, *, reason: str, now: datetime, actor: AbstractBaseUser | AnonymousUser | None = None
) -> StageChange | None:
    """Move a lead that is still where the caller saw it, else None. IllegalMove if no arrow leads there."""
    stages.check(lead.stage, to)
    with transaction.atomic():
        row = claiming.hold([lead.pk]).get(lead.pk)
        if row is None or row["stage"] != lead.stage:
            return None
        move = Move(lead.pk, row["stage"], to, reason[:200], None, actor.pk if actor else None, None, now)
        set_stage(row, to, now)
        write_moves([move])
        flush_leads([row], now=now)
        properties = move_properties(move, None) | {"actor": move.actor_id}
        record([NewEvent(lead.pk, "stage.changed", properties, source="sales" if actor else "engine")], now=now)
        change = StageChange.objects.filter(lead=lead).order_by("-id").first()
    process_at_once(lead.pk, now=now)
    lead.refresh_from_db()
    return change


def sweep_stages(*, now: datetime) -> int:
    """Apply the rules that come true by waiting, to everyone they hold for; how many moved. Repeat-safe."""
    return sum(_sweep(rule, now=now) for rule in rulebook.current().swept)


def _sweep(rule: MovingRule, *, now: datetime) -> int:
    origins = [stage for stage in rule.from_stages if stages.may_move(stage, rule.to)]
    due = Lead.objects.filter(rule.trigger.condition.q(now, events=Event.objects.all()), stage__in=origins)
    moved = 0
    while ids := list(due.order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        with transaction.atomic():
            rows = claiming.hold(ids)
            still = set(due.filter(pk__in=ids).values_list("pk", flat=True))  # asked again under the lock
            moved += _move_all(
                [rows[lead_id] for lead_id in ids if lead_id in still and lead_id in rows], rule, now=now
            )
    return moved


def _move_all(rows: list[LeadRow], rule: MovingRule, *, now: datetime) -> int:
    moves = [Move(row.id, row["stage"], rule.to, rule.reason, rule.id, None, None, now) for row in rows]
    for row in rows:
        set_stage(row, rule.to, now)
    write_moves(moves)
    flush_leads(rows, now=now)
    record([NewEvent(move.lead_id, "stage.changed", move_properties(move, rule.slug)) for move in moves], now=now)
    return len(moves)
