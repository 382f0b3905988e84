from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "lifecycle.api"
    label = "api"
    verbose_name = "API"
