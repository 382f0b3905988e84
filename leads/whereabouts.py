"""Where somebody is whom a link of long ago names."""

from leads.models import Lead, LeadMerge


def present(lead_id: int) -> int | None:
    """The lead, or the one it was merged into since the link was made; None if the person was erased."""
    for _ in range(10):  # merged, and merged again
        if Lead.objects.filter(pk=lead_id).exists():
            return lead_id
        merges = LeadMerge.objects.filter(merged_id=lead_id, undone_at=None).order_by("-at")
        found = merges.values_list("kept_id", flat=True).first()
        if found is None:
            return None
        lead_id = found
    return None
