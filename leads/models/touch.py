from django.db import models

from leads.models.triggers import insert_only, write_once


class Touch(models.Model):
    """One contact with its provenance. Insert-only: attribution is appended, never overwritten."""

    lead = models.ForeignKey("leads.Lead", null=True, on_delete=models.CASCADE, related_name="touches", db_index=False)
    visitor = models.ForeignKey("leads.Visitor", null=True, on_delete=models.CASCADE, related_name="touches")
    kind = models.CharField(max_length=30, help_text="form, visit, booking, webinar, import, api")
    source = models.CharField(max_length=120, blank=True, help_text="utm_source, lower case")
    medium = models.CharField(max_length=120, blank=True)
    campaign = models.CharField(max_length=200, blank=True)
    term = models.CharField(max_length=200, blank=True)
    content = models.CharField(max_length=200, blank=True)
    click_ids = models.JSONField(default=dict, blank=True, help_text="gclid, fbclid, msclkid … as received")
    referrer = models.CharField(max_length=1000, blank=True)
    landing_page = models.CharField(max_length=1000, blank=True)
    form = models.CharField(max_length=60, blank=True, help_text="Slug of the form, when a form made it.")
    raw = models.JSONField(default=dict, blank=True, help_text="What was sent, before normalising.")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "touches"
        indexes = [models.Index(fields=["lead", "occurred_at", "id"], name="touch_path_of_lead")]
        triggers = [*insert_only(except_fields=("lead",)), write_once("lead_id")]

    def __str__(self) -> str:
        return " / ".join(part for part in (self.source, self.medium, self.campaign) if part) or self.kind
