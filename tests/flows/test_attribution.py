"""A person comes back by another way: where they first came from never changes."""

import pytest
from django.contrib.auth.models import User

from leads import actions
from tests.cast import ADA, World

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]


def test_a_second_form_appends_a_touch_and_leaves_the_first_alone(world: World) -> None:
    ada = world.submit("newsletter", **ADA, utm_source="Google", utm_medium="cpc", utm_campaign="spring", gclid="abc")
    actions.assign_owner(ada, User.objects.create_user("rita"), now=world.now)
    world.later(days=30)
    ada = world.submit("contact", **ADA, utm_source="linkedin", utm_medium="social", utm_campaign="autumn")
    first, latest = ada.original_touch, ada.latest_touch
    assert first is not None
    assert latest is not None
    assert (first.source, first.medium, first.campaign) == ("google", "cpc", "spring")
    assert (latest.source, latest.medium, latest.campaign) == ("linkedin", "social", "autumn")
    assert ada.form_source == "newsletter"
    assert (ada.owner.username, ada.first_owner.username) == ("rita", "rita")
    assert ada.touches.count() == 2

    answer = world.program.get(f"/api/v1/leads/{ada.pk}").json()
    assert answer["form_source"] == "newsletter"
    assert answer["original_touch"]["source"] == "google"
    assert answer["latest_touch"]["source"] == "linkedin"


def test_what_every_form_may_carry_is_taken_though_the_form_does_not_ask_for_it(world: World) -> None:
    ada = world.submit("newsletter", **ADA, country="DE", timezone="Europe/Berlin")
    assert (ada.company_name, ada.company_size, ada.job_title) == ("Acme", 120, "Head of Marketing")
    assert (ada.country, ada.timezone) == ("DE", "Europe/Berlin")
    assert ada.fit_score == 55
