"""Whether reps hear of their leads."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from lifecycle.core import wellbeing
from lifecycle.core.wellbeing import Finding, Level
from lifecycle.sales.models import Alert, AssignmentRule

SALES = "Sales"


def alerts(now: datetime) -> Iterator[Finding]:
    failed = Alert.objects.filter(state="failed", created_at__gt=now - timedelta(days=1)).count()
    if failed:
        says = f"{failed:,} alerts to reps could not be mailed in the last 24 hours."
        yield Finding(SALES, Level.WARNING, says, "See History › Sales alerts for the reason; the console has them.")
    if not AssignmentRule.objects.filter(is_active=True).exists():
        says = "No assignment rule is active: hot leads get no owner, SALES_EMAIL is told."
        yield Finding(SALES, Level.NOTICE, says, "Add a rule with your reps under Assignment rules.")
    elif not failed:
        yield Finding(SALES, Level.FINE, "Reps are told of their leads.")


wellbeing.register("sales alerts", alerts)
