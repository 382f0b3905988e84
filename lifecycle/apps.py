from importlib import import_module

from django.apps import AppConfig

from lifecycle.core import gate


class LifecycleConfig(AppConfig):
    """The composition root as an app: its commands, its system checks and the engine's tick."""

    name = "lifecycle"
    label = "lifecycle"

    def ready(self) -> None:
        import_module("lifecycle.checks")
        import_module("lifecycle.wellbeing")
        import_module("lifecycle.personal_links")
        gate.register(import_module("lifecycle.instance").locked)
