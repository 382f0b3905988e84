from django.db import models


class Company(models.Model):
    """An account: people of one mail domain. Free-mail domains never make one."""

    name = models.CharField(max_length=200)
    domain = models.CharField(max_length=253, unique=True, help_text="Mail domain, lower case: acme.com")
    size = models.PositiveIntegerField(null=True, blank=True, help_text="Employees.")
    industry = models.CharField(max_length=120, blank=True)
    country = models.CharField(max_length=80, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "companies"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
