"""Lifecycle: the composition root of the project. It may import every other package; none imports it."""

from lifecycle.celery import app as celery_app

__all__ = ["celery_app"]
