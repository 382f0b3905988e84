from django.urls import path
from django.views.generic import RedirectView

from lifecycle.console import customers, meetings, views, why

app_name = "console"
urlpatterns = [
    path("", views.hot_leads, name="hot-leads"),
    path("meetings", meetings.coming, name="meetings"),
    path("meetings/<int:meeting_id>", meetings.say, name="meeting"),
    path("customers", customers.show, name="customers"),
    path("leads/<int:lead_id>", views.lead, name="lead"),
    path("leads/<int:lead_id>/why", why.show, name="lead-why"),
    path("leads/<int:lead_id>/take", views.take, name="take"),
    path("leads/<int:lead_id>/assign", views.assign, name="assign"),
    path("leads/<int:lead_id>/move", views.move, name="move"),
    path("leads/<int:lead_id>/enroll", views.enroll, name="enroll"),
    # As the admin beside it writes its addresses.
    path("<path:rest>/", RedirectView.as_view(url="/console/%(rest)s", query_string=True)),
]
