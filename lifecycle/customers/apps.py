from importlib import import_module

from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "lifecycle.customers"
    label = "customers"

    def ready(self) -> None:
        import_module("lifecycle.customers.receivers")
