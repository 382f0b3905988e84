"""Landing pages: what they show, in which variants, and who came and converted."""

from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models

from leads.models.capture import Form, Magnet, Submission


class LandingPage(models.Model):
    slug = models.SlugField(unique=True, max_length=80, help_text="Its address: /p/this")
    name = models.CharField(max_length=160, help_text="For us; visitors read the title.")
    title = models.CharField(max_length=160, help_text="In the browser's tab, in search results and shared links.")
    description = models.CharField(
        max_length=300, blank=True, help_text="Two sentences for search results and shared links."
    )
    social_image = models.URLField(blank=True, help_text="Shown with a shared link, 1200 × 630 pixels.")
    form = models.ForeignKey(Form, null=True, blank=True, on_delete=models.PROTECT, related_name="pages")
    magnet = models.ForeignKey(Magnet, null=True, blank=True, on_delete=models.PROTECT, related_name="pages")
    is_indexed = models.BooleanField(default=True, help_text="Off: search engines are asked to leave it out.")
    is_published = models.BooleanField(default=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PageVariant(models.Model):
    """One way a page may look. Visitors are shared out by weight, each always sees the same."""

    page = models.ForeignKey(LandingPage, on_delete=models.CASCADE, related_name="variants")
    key = models.CharField(
        max_length=20, validators=[RegexValidator(r"^[a-z0-9-]+$", "Lower-case letters, digits and dashes.")]
    )
    name = models.CharField(max_length=120, blank=True, help_text="What is different: “Short headline”.")
    weight = models.PositiveSmallIntegerField(
        default=100, validators=[MaxValueValidator(10_000)], help_text="0: nobody new sees it."
    )
    blocks = models.JSONField(
        default=list, help_text="List of {type: hero | text | bullets | quote | form | magnet | faq, …}"
    )
    views = models.PositiveBigIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["page", "key"]
        constraints = [models.UniqueConstraint(fields=["page", "key"], name="page_variant_once")]

    def __str__(self) -> str:
        return f"{self.page_id} {self.key}"


class PageVisit(models.Model):
    """A browser that saw a variant, and what came of it. The browser is a keyed hash."""

    variant = models.ForeignKey(PageVariant, on_delete=models.CASCADE, related_name="visits", db_index=False)
    browser = models.CharField(max_length=64)
    first_at = models.DateTimeField()
    converted_at = models.DateTimeField(null=True)
    submission = models.ForeignKey(Submission, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["variant", "browser"], name="page_visit_once")]

    def __str__(self) -> str:
        return f"{self.browser[:8]}… on {self.variant_id}"
