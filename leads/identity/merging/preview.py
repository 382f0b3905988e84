"""What a merge would do, counted and said before it is done."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from leads import signals
from leads.identity.merging import rows
from leads.identity.merging.columns import ATTRIBUTE, combined, gained
from leads.identity.merging.record import Standing
from leads.models import Lead

# What people want to read of a filled column; the rest follows from rows.
_SHOWN = {
    "first_name": "First name",
    "last_name": "Last name",
    "phone": "Phone",
    "job_title": "Job title",
    "company_name": "Company",
    "company_size": "Employees",
    "industry": "Industry",
    "country": "Country",
    "timezone": "Time zone",
    "organization_type": "Organization type",
    "primary_audience": "Primary audience",
    "stage": "Stage",
    "form_source": "First form",
    "is_client": "Is a client",
    "demo_status": "Demo",
    "created_at": "Known since",
}

LASTING = (
    "Opt-outs: an opt-out of either address binds both, and undoing the merge does not lift it.",
    "Runs of sequences that end because both were in them stay ended.",
    "Mails that were sent, and what was told to other systems.",
    "What happens after the merge stays with the lead that is kept.",
)


@dataclass(frozen=True, slots=True)
class MergePreview:
    """`moves`: rows by what they are; `fills`: what the kept lead gets; `notes`: what else happens, in sentences;
    `lasting`: what cannot be undone."""

    kept: Lead
    other: Lead
    moves: dict[str, int] = field(default_factory=dict)
    fills: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    lasting: tuple[str, ...] = LASTING


def preview(kept: Lead, other: Lead) -> MergePreview:
    """What `merge(kept, other)` would do at this moment. Changes nothing."""
    one, two = Standing(kept.pk), Standing(other.pk)
    gains = gained(one.own, combined(one.own, [two.own, *one.others, *two.others]))
    now = one.row | {f"{ATTRIBUTE}{name}": value for name, value in one.row["attributes"].items()}
    new = {name: value for name, value in gains.items() if now.get(name) != value and value not in (None, "")}
    fills = in_words(new)
    said = signals.merge_foreseen.send(sender=None, kept_id=kept.pk, other_id=other.pk)
    notes = [f"Mail goes to {kept.email} alone; whoever writes {other.email} into a form is this lead too."]
    notes += [sentence for _, sentences in said for sentence in sentences or ()]
    return MergePreview(kept, other, dict(sorted(rows.count(other.pk).items())), fills, notes)


def in_words(columns: Mapping[str, object]) -> dict[str, object]:
    """Of the columns that a merge fills, those that people want to read, by their names."""
    known = {_SHOWN[name]: value for name, value in columns.items() if name in _SHOWN and value not in (None, "")}
    further = {name.removeprefix(ATTRIBUTE): value for name, value in columns.items() if name.startswith(ATTRIBUTE)}
    return known | further
