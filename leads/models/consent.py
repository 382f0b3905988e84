from django.db import models

from leads.models.lead import Lead
from leads.models.triggers import insert_only


class Consent(models.Model):
    """Proof of what a person agreed to or withdrew, and how. Insert-only; the last row per purpose counts."""

    lead = models.ForeignKey(Lead, null=True, on_delete=models.SET_NULL, related_name="consents", db_constraint=False)
    address_hash = models.CharField(max_length=32, db_index=True)
    purpose = models.CharField(max_length=60, help_text="marketing, or topic:<slug>")
    granted = models.BooleanField()
    source = models.CharField(max_length=60, help_text="form:contact, unsubscribe, preferences, complaint …")
    text = models.TextField(blank=True, help_text="The words the person saw.")
    at = models.DateTimeField()

    class Meta:
        triggers = insert_only(except_fields=("lead",))

    def __str__(self) -> str:
        return f"{self.purpose} {'granted' if self.granted else 'withdrawn'}"
