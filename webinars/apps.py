from importlib import import_module

from django.apps import AppConfig


class WebinarsConfig(AppConfig):
    name = "webinars"
    label = "webinars"

    def ready(self) -> None:
        import_module("webinars.receivers")
        import_module("webinars.merging")
        import_module("webinars.erasing")
        import_module("webinars.invites")
        import_module("webinars.samples")
        import_module("webinars.wellbeing")
