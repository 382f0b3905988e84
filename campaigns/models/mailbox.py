from django.db import models

from campaigns.models.message import Message


class MailboxMail(models.Model):
    """A mail kept here because no mail server is set: what /mailbox/ shows."""

    message = models.ForeignKey(Message, null=True, on_delete=models.CASCADE, related_name="+")
    to_email = models.CharField(max_length=254)
    subject = models.CharField(max_length=998, blank=True)
    raw = models.BinaryField(help_text="The whole MIME message.")
    sent_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-sent_at", "-id"]

    def __str__(self) -> str:
        return f"{self.subject} to {self.to_email}"
