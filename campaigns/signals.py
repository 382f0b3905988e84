"""What campaigns tell higher packages, once it happened."""

from django.dispatch import Signal

# provider, code, now: a mail provider's report was not let in. Nothing of it was stored.
report_refused = Signal()
