"""Every address of the product, by area."""

from django.contrib import admin
from django.urls import path

from lifecycle import health

urlpatterns = [
    path("healthz", health.process, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("admin/", admin.site.urls),
]
