from importlib import import_module

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "lifecycle.api"
    label = "api"
    verbose_name = "API"

    def ready(self) -> None:
        import_module("lifecycle.api.receivers")
