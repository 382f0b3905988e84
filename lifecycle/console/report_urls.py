from django.urls import path

from lifecycle.console import attribution, engagement

app_name = "reports"
urlpatterns = [
    path("engagement/", engagement.show, name="engagement"),
    path("attribution/", attribution.show, name="attribution"),
    path("attribution/behind/", attribution.behind_row, name="attribution-behind"),
    path("attribution/leads/<int:lead_id>/", attribution.behind_lead, name="attribution-lead"),
]
