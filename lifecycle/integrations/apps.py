from importlib import import_module

from django.apps import AppConfig

# Folders that register a provider when they are imported.
VENDORS: tuple[str, ...] = ("calendly", "stripe", "zoom", "webhook")


class IntegrationsConfig(AppConfig):
    name = "lifecycle.integrations"
    label = "integrations"

    def ready(self) -> None:
        for vendor in VENDORS:
            import_module(f"lifecycle.integrations.{vendor}")
        import_module("lifecycle.integrations.receivers")
        import_module("lifecycle.integrations.wellbeing")
