from django.db import models


class Company(models.Model):
    """An account: people of one mail domain. Free-mail domains never make one."""

    name = models.CharField(max_length=200)
    domain = models.CharField(max_length=253, unique=True, help_text="Mail domain, lower case: acme.com")
    size = models.PositiveIntegerField(null=True, blank=True, help_text="Employees.")
    industry = models.CharField(max_length=120, blank=True)
    country = models.CharField(max_length=80, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    facts = models.JSONField(default=dict, blank=True, db_default={}, help_text="What enrichment found beyond these.")
    enriched_by = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="The provider that knew it."
    )
    enriched_at = models.DateTimeField(null=True, blank=True)
    enrichment_due_at = models.DateTimeField(null=True, blank=True, help_text="When providers are asked (again).")
    enrichment_attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    enrichment_error = models.CharField(max_length=250, blank=True, default="", db_default="")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "companies"
        ordering = ["name"]
        indexes = [
            models.Index(
                fields=["enrichment_due_at"],
                condition=models.Q(enrichment_due_at__isnull=False),
                name="company_enrichment_due",
            )
        ]

    def __str__(self) -> str:
        return self.name


class TitleRule(models.Model):
    """Words of a job title, and the role and department they tell. For each of the two the first that fits counts."""

    position = models.PositiveSmallIntegerField(default=100, help_text="Lower comes first.")
    words = models.CharField(max_length=300, help_text="Comma-separated, whole words: cto, chief technology officer")
    role = models.CharField(
        max_length=12, blank=True, help_text="executive, head, manager, individual, student; empty: says nothing of it."
    )
    department = models.CharField(max_length=40, blank=True, help_text="engineering, marketing, sales …; or empty.")
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.words[:80]
