"""Publishing from a page: the action, and what the reader is told of its outcome."""

from django.contrib import messages
from django.http import HttpRequest

from campaigns.actions import PublishRefused, publish
from campaigns.models import SequenceVersion
from lifecycle.core import clock


def publish_and_say(request: HttpRequest, version: SequenceVersion) -> bool:
    """Publish, or say everything that is in the way; whether it is published now."""
    try:
        publish(version, now=clock.now())
    except PublishRefused as refused:
        for problem in refused.problems:
            messages.error(request, f"Not published. {problem}")
        return False
    messages.success(request, f"{version} is published. People enter it from now on.")
    return True
