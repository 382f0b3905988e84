"""Anymail's door for Amazon SES, which also looks at the signature of SNS; before it confirms a subscription, too."""

from typing import Any

from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.webhooks.amazon_ses import AmazonSESTrackingWebhookView
from django.conf import settings
from django.http import HttpRequest

from campaigns.consent import amazon
from lifecycle.core import clock


class SignedByAmazon(AmazonSESTrackingWebhookView):
    def run_validators(self, request: HttpRequest) -> None:
        super().run_validators(request)  # the password first: whoever lacks it makes us fetch nothing
        given = settings.ANYMAIL.get("AMAZON_SES_TOPIC_ARN") or ()
        message: dict[str, Any] = self._parse_sns_message(request)
        try:
            amazon.check(
                message,
                now=clock.now(),
                topics=[given] if isinstance(given, str) else given,
                certificates=settings.ANYMAIL.get("AMAZON_SES_CERTIFICATES_URL", ""),
            )
        except amazon.NotAmazon as problem:
            raise AnymailWebhookValidationFailure(str(problem)) from None
