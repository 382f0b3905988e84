from importlib import import_module

from django.apps import AppConfig

# Folders that register a provider when they are imported.
VENDORS: tuple[str, ...] = ("calendly", "zoom", "webhook")


class IntegrationsConfig(AppConfig):
    name = "lifecycle.integrations"
    label = "integrations"

    def ready(self) -> None:
        for vendor in VENDORS:
            import_module(f"lifecycle.integrations.{vendor}")
