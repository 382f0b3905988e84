from django.db import models

from leads.models.triggers import insert_only, write_once


class Touch(models.Model):
    """One contact with its provenance. Insert-only: attribution is appended, never overwritten."""

    lead = models.ForeignKey("leads.Lead", null=True, on_delete=models.CASCADE, related_name="touches", db_index=False)
    visitor = models.ForeignKey("leads.Visitor", null=True, on_delete=models.CASCADE, related_name="touches")
    kind = models.CharField(max_length=30, help_text="form, visit, click, booking, webinar, import, api")
    source = models.CharField(max_length=120, blank=True, help_text="utm_source, lower case")
    medium = models.CharField(max_length=120, blank=True)
    campaign = models.CharField(max_length=200, blank=True)
    term = models.CharField(max_length=200, blank=True)
    content = models.CharField(max_length=200, blank=True)
    click_ids = models.JSONField(default=dict, blank=True, help_text="gclid, fbclid, msclkid … as received")
    referrer = models.CharField(max_length=1000, blank=True)
    landing_page = models.CharField(max_length=1000, blank=True)
    landing_path = models.CharField(
        max_length=300, blank=True, default="", db_default="", help_text="Host and path alone: www.example.com/pricing"
    )
    device = models.CharField(max_length=10, blank=True, default="", db_default="", help_text="desktop, mobile, tablet")
    form = models.CharField(max_length=60, blank=True, help_text="Slug of the form, when a form made it.")
    sequence = models.CharField(
        max_length=90,
        blank=True,
        default="",
        db_default="",
        help_text="Slug of the sequence or broadcast whose mail led here.",
    )
    mail = models.CharField(
        max_length=160, blank=True, default="", db_default="", help_text="That mail: demo-nurture/welcome"
    )
    event = models.ForeignKey(
        "leads.Event",
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_index=False,
        db_constraint=False,
        help_text="The page view or click that made it; a form's touch has none.",
    )
    raw = models.JSONField(default=dict, blank=True, help_text="What was sent, before normalising.")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "touches"
        indexes = [models.Index(fields=["lead", "occurred_at", "id"], name="touch_path_of_lead")]
        constraints = [
            models.UniqueConstraint(
                fields=["event"], condition=models.Q(event__isnull=False), name="touch_once_per_event"
            )
        ]
        triggers = [*insert_only(except_fields=("lead",)), write_once("lead_id")]

    def __str__(self) -> str:
        return " / ".join(part for part in (self.source, self.medium, self.campaign) if part) or self.kind


class ChannelRule(models.Model):
    """How touches are grouped in reports: the first rule, by position, whose every test holds names the channel.

    Read when a report is made, so that a changed rule groups the past anew. A test is a comma-separated list of words
    with * as a wildcard; an empty one always holds.
    """

    position = models.PositiveSmallIntegerField(default=100, help_text="Lower comes first.")
    channel = models.CharField(max_length=40, help_text="Paid search, Organic, Referral, Email, Direct, Social …")
    sources = models.CharField(max_length=500, blank=True, help_text="google, bing, linkedin*")
    mediums = models.CharField(max_length=300, blank=True, help_text="cpc, ppc, paid*")
    campaigns = models.CharField(max_length=300, blank=True, help_text="brand*, spring-2026")
    click_ids = models.CharField(max_length=200, blank=True, help_text="gclid, msclkid; * for any of them")
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return f"{self.position} {self.channel}"
