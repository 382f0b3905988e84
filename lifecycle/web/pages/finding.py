"""Which page gives people a lead magnet, for those whose link is too old."""

from django.urls import reverse

from leads.models import LandingPage, Magnet


def way_to(magnet: Magnet) -> str:
    """Where to ask for the file anew: a landing page that shows it, else a form that gives it; "" for neither."""
    pages = LandingPage.objects.filter(is_published=True).order_by("-published_at", "pk")
    page = pages.filter(magnet=magnet).first() or pages.filter(form__magnet=magnet, form__is_active=True).first()
    if page is not None:
        return reverse("landing-page", args=[page.slug])
    form = magnet.form_set.filter(is_active=True).order_by("pk").first()
    return reverse("form", args=[form.slug]) if form is not None else ""
