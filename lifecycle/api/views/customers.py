"""What one lead bought and subscribes to, newest first."""

from lifecycle.api import describe, examples
from lifecycle.api.serializers.customers import PurchaseSerializer, SubscriptionSerializer
from lifecycle.api.views.history import LeadHistory
from lifecycle.customers.models import Purchase, Subscription


@describe.reading("leads_purchases", "What they bought", examples.PURCHASE)
class Purchases(LeadHistory):
    """Each payment once; renewals of subscriptions are payments too."""

    rows = Purchase.objects.select_related("subscription")
    ordering = ("-purchased_at", "-id")
    serializer_class = PurchaseSerializer


@describe.reading("leads_subscriptions", "What they subscribe to", examples.SUBSCRIPTION)
class Subscriptions(LeadHistory):
    """Those that ended included."""

    rows = Subscription.objects.all()
    ordering = ("-started_at", "-id")
    serializer_class = SubscriptionSerializer
