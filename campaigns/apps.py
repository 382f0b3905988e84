from importlib import import_module

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    label = "campaigns"

    def ready(self) -> None:
        import_module("campaigns.receivers")
        import_module("campaigns.consent.provider_events")
        import_module("campaigns.erasing")
        import_module("campaigns.merging")
        import_module("campaigns.wellbeing")
