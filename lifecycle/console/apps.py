from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "lifecycle.console"
    label = "console"
