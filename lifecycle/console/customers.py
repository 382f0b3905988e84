"""Renewals and payments as a page."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from lifecycle.console.doors import colleagues, page, signed_in
from lifecycle.core import clock
from lifecycle.reports.customers import customers

WHOSE = {"all": "Everybody’s", "mine": "Mine"}


@require_GET
@colleagues("customers.view_subscription")
def show(request: HttpRequest) -> HttpResponse:
    whose = "mine" if request.GET.get("whose") == "mine" else "all"
    now = clock.now()
    found = customers(owner_id=signed_in(request).pk if whose == "mine" else None, now=now)
    context = {"title": "Renewals and payments", "found": found, "whose": whose, "tabs": WHOSE.items(), "now": now}
    return page(request, "console/customers.html", context)
