from django.db import models

from campaigns.models.topic import Topic
from leads.models.triggers import insert_only


class MessageClass(models.TextChoices):
    MARKETING = "marketing", "Marketing"
    TRANSACTIONAL = "transactional", "Transactional"


class EmailTemplate(models.Model):
    """The editable draft of a mail. What is sent is always one of its compiled, immutable versions."""

    WRITTEN = ("format", "subject", "preheader", "body", "text", "adds_utm", "utm_campaign", "attachment")

    class Format(models.TextChoices):
        MJML = "mjml", "MJML"
        HTML = "html", "HTML"

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=160)
    message_class = models.CharField(
        max_length=13,
        choices=MessageClass,
        default=MessageClass.MARKETING,
        help_text="Opt-outs, caps and windows bind marketing mail only. Transactional: receipts, confirmations.",
    )
    topic = models.ForeignKey(Topic, null=True, blank=True, on_delete=models.PROTECT, help_text="Marketing mail only.")
    format = models.CharField(max_length=4, choices=Format, default=Format.MJML)
    subject = models.CharField(max_length=250)
    preheader = models.CharField(
        max_length=250, blank=True, help_text="The line a mail program shows beside the subject."
    )
    body = models.TextField(
        help_text="An MJML fragment, put into the standard layout; or a whole MJML or HTML document."
    )
    text = models.TextField(blank=True, help_text="Plain text part. Empty: made from the body at publish.")
    adds_utm = models.BooleanField(
        "add UTM values to links",
        default=True,
        help_text="utm_source=lifecycle, utm_medium=email, utm_campaign=the sequence, utm_content=the step; values "
        "that a link has already stay.",
    )
    utm_campaign = models.CharField(
        "UTM campaign", max_length=100, blank=True, help_text="Empty: the slug of the sequence or broadcast."
    )
    attachment = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="What goes with the mail: calendar-invite."
    )
    current_version = models.ForeignKey(
        "campaigns.TemplateVersion", null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name

    def written(self) -> dict[str, object]:
        """The draft as its author wrote it; what a version keeps as its `source`."""
        return {name: getattr(self, name) for name in self.WRITTEN}


class TemplateVersion(models.Model):
    """A template as it was published: compiled once, never changed."""

    template = models.ForeignKey(EmailTemplate, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    message_class = models.CharField(max_length=13, choices=MessageClass)
    topic = models.ForeignKey(Topic, null=True, on_delete=models.PROTECT, related_name="+")
    source = models.JSONField(help_text="format, subject, preheader, body and text as they were written.")
    compiled = models.JSONField(help_text="subject, preheader, html, text, links, variables: ready to fill.")
    published_at = models.DateTimeField()

    class Meta:
        ordering = ["template", "-number"]
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="template_version_number_once")]
        triggers = insert_only()

    def __str__(self) -> str:
        return f"{self.template_id} v{self.number}"

    def says(self, template: EmailTemplate) -> bool:
        """Whether the draft is still what was published. Versions older than attachments have none."""
        return template.written() == {"attachment": "", **self.source}
