from django.urls import path

from campaigns.doors import links, optout, reports

urlpatterns = [
    path("c/<str:token>", links.click, name="click"),
    path("o/<str:token>.gif", links.open_pixel, name="open"),
    path("u/<str:token>", optout.unsubscribe, name="unsubscribe"),
    path("webhooks/email/<str:provider>/tracking/", reports.report, name="provider-report"),
    path("preferences/<str:token>", optout.preference_page, name="preferences"),
]
