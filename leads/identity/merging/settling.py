"""What somebody decided about a pair of leads."""

from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from leads.models import PossibleDuplicate


def settle_pair(pair: PossibleDuplicate, *, now: datetime, actor: AbstractBaseUser | AnonymousUser | None) -> bool:
    """They are two people, and nobody is asked again; False if that was decided before. (Merging settles the rest.)"""
    row = PossibleDuplicate.objects.filter(pk=pair.pk, outcome=PossibleDuplicate.Outcome.OPEN)
    different = PossibleDuplicate.Outcome.DIFFERENT
    return bool(row.update(outcome=different, settled_at=now, settled_by_id=actor.pk if actor else None))
