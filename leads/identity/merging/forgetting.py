"""What the record of identities knows of somebody who is erased, and does not hang on their row."""

from django.db.models import Q

from leads import addresses, traits
from leads.filling import IDENTIFIED
from leads.models import AddressAlias, Event, Lead, LeadMerge, PossibleDuplicate


def forget_person(lead: Lead) -> None:
    """Snapshots of merges that were undone, and calls in other people's history that named this address."""
    LeadMerge.objects.filter(merged_id=lead.pk).delete()
    suspects = PossibleDuplicate.objects.filter(Q(lead=lead) | Q(other=lead)).values_list("lead_id", "other_id")
    others = {lead_id for pair in suspects for lead_id in pair} - {lead.pk}
    calls = Event.objects.filter(lead__in=others, kind=IDENTIFIED).select_related("visitor") if others else ()
    theirs = {lead.email_normal, *AddressAlias.objects.filter(lead=lead).values_list("email_normal", flat=True)}
    named = [call.pk for call in calls if _address(call) in theirs]
    Event.objects.filter(pk__in=named).delete()


def _address(call: Event) -> str:
    user_id = call.visitor.user_id if call.visitor else None
    try:
        return addresses.read(traits.address(call.properties.get("traits"), user_id)).normal
    except addresses.AddressError:
        return ""
