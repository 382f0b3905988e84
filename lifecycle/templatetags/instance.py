"""What the admin says on every page while sending is locked."""

from django import template

from lifecycle.core import clock, gate

register = template.Library()


@register.simple_tag
def why_sending_is_locked() -> str:
    return gate.closed(clock.now())
