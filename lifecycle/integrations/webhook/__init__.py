"""Webhooks of any system that signs as Standard Webhooks says, by rules that people edit."""

from lifecycle.integrations.registry import register_family
from lifecycle.integrations.webhook.provider import FAMILY, find

register_family(FAMILY, find)
