from importlib import import_module

from django.apps import AppConfig


class SalesConfig(AppConfig):
    name = "lifecycle.sales"
    label = "sales"

    def ready(self) -> None:
        import_module("lifecycle.sales.receivers")
        import_module("lifecycle.sales.wellbeing")
