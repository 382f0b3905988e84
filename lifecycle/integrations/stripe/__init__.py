from lifecycle.integrations import registry
from lifecycle.integrations.stripe import wellbeing as wellbeing
from lifecycle.integrations.stripe.provider import PROVIDER

registry.register(PROVIDER)
