from django.urls import path

from campaigns.doors import links, optout

urlpatterns = [
    path("c/<str:token>", links.click, name="click"),
    path("o/<str:token>.gif", links.open_pixel, name="open"),
    path("u/<str:token>", optout.unsubscribe, name="unsubscribe"),
    path("preferences/<str:token>", optout.preference_page, name="preferences"),
]
