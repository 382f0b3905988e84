"""WB001, WB002 …: given in turn, without gaps, whoever makes how many at once."""

import pytest
from django.db import transaction

from tests.leads.test_concurrency import together
from tests.webinars.cast import make_webinar
from webinars.models import Counter, Webinar

pytestmark = pytest.mark.django_db(transaction=True)


def test_codes_are_given_in_turn():
    assert [make_webinar().code for _ in range(3)] == ["WB001", "WB002", "WB003"]


def test_twelve_made_at_once_have_the_first_twelve_codes():
    together(12, lambda number: make_webinar(title=f"Session {number}"))
    assert sorted(Webinar.objects.values_list("code", flat=True)) == [f"WB{number:03}" for number in range(1, 13)]


def test_a_webinar_that_fails_takes_no_code_with_it():
    make_webinar()

    def fail():
        make_webinar()
        raise RuntimeError("the form was wrong after all")

    with pytest.raises(RuntimeError):
        transaction.atomic(fail)()
    assert make_webinar().code == "WB002"


def test_after_999_comes_1000():
    Counter.objects.create(pk=1, last=998)
    assert [make_webinar().code, make_webinar().code] == ["WB999", "WB1000"]


def test_a_code_never_changes():
    webinar = make_webinar()
    with pytest.raises(Exception, match="write_once"):
        Webinar.objects.filter(pk=webinar.pk).update(code="WB777")
