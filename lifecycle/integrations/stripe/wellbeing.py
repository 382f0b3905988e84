"""Whether Stripe can be asked what its events do not say."""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings

from lifecycle.core import wellbeing
from lifecycle.core.wellbeing import Finding, Level


def key(now: datetime) -> Iterator[Finding]:
    if settings.STRIPE_WEBHOOK_SECRETS and not settings.STRIPE_API_KEY and not settings.DEMO:
        says = "Stripe is heard but cannot be asked: products are named by metadata alone, customers by their events."
        remedy = "Set STRIPE_API_KEY (restricted, to read); lifecycle/integrations/stripe/README.md tells how."
        yield Finding("Integrations", Level.NOTICE, says, remedy)


wellbeing.register("stripe", key)
