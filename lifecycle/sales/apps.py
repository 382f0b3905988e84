from django.apps import AppConfig


class SalesConfig(AppConfig):
    name = "lifecycle.sales"
    label = "sales"
