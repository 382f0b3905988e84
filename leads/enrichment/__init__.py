"""Facts about companies by their mail domain. docs/enrichment.md says how to add a provider of your own."""

from leads.enrichment.contract import CompanyFacts, Provider, Unavailable
from leads.enrichment.registry import register
from leads.enrichment.running import ask_again, drain

__all__ = ["CompanyFacts", "Provider", "Unavailable", "ask_again", "drain", "register"]
