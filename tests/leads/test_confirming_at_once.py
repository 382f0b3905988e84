"""The link of a double-opt-in mail, used by many at the same moment."""

import pytest

from leads import confirmations
from leads.actions import FormPost, capture, confirm
from leads.confirmations import State
from leads.models import Confirmation, Consent, Event, Submission, Touch
from lifecycle.core import tokens
from tests.factories import NOON, FormFactory
from tests.leads.test_concurrency import together

pytestmark = pytest.mark.django_db(transaction=True)


def test_eight_clicks_at_once_are_one():
    FormFactory(slug="news", double_opt_in=True, consent_text="A letter a month.")
    capture(FormPost("news", {"email": "ada@acme.com"}), now=NOON)
    token = tokens.confirm_token(Confirmation.objects.get().pk)
    assert together(8, lambda number: confirm(token, now=NOON)) == [State.CONFIRMED] * 8
    assert Event.objects.filter(kind="form.submitted").count() == 1
    assert Touch.objects.count() == Consent.objects.count() == 1


def test_eight_posts_at_once_ask_for_one_mail():
    FormFactory(slug="news", double_opt_in=True)
    together(8, lambda number: capture(FormPost("news", {"email": "ada@acme.com", "message": f"{number}"}), now=NOON))
    assert Submission.objects.count() == 8
    assert Confirmation.objects.exclude(mailed_at=None).count() == 1
    asked = Event.objects.filter(kind=confirmations.ASKED)
    assert asked.filter(properties__mail=True).count() == 1
