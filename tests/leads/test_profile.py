import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads import profile, titles


@pytest.mark.parametrize(
    ("said", "employees"),
    [
        ("50-500", 50),
        ("50–500 employees", 50),
        ("201", 201),
        ("1,001+", 1001),
        ("500+", 500),
        ("1.000 - 5.000", 1000),
        ("10 000", 10_000),
        ("2k+", 2000),
        ("about 30 people", 30),
        ("< 10", 1),
        ("up to 50", 1),
        (120, 120),
        (12.0, 12),
        ("a lot", None),
        ("", None),
        (None, None),
        (0, None),
        (-3, None),
        (True, None),
        ("99999999999999999999", None),
    ],
)
def test_company_size_is_the_lower_bound_of_what_was_said(said, employees):
    assert profile.company_size(said) == employees


@pytest.mark.parametrize(
    ("title", "role"),
    [
        ("CEO", "executive"),
        ("C.E.O.", "executive"),
        ("Founder & CEO", "executive"),
        ("VP Engineering", "executive"),
        ("Managing Director", "executive"),
        ("Geschäftsführerin", "executive"),
        ("Directeur général", "executive"),
        ("Właściciel", "executive"),
        ("Head of Marketing", "head"),
        ("Marketing Director", "head"),
        ("Vertriebsleiterin", "head"),
        ("Directrice marketing", "head"),
        ("Jefe de ventas", "head"),
        ("Marketing Manager", "manager"),
        ("Product Owner", "manager"),
        ("Projektleiter", "manager"),
        ("Partner Manager", "manager"),
        ("Assistant Manager", "manager"),
        ("Software Engineer", "individual"),
        ("Account Executive", "individual"),
        ("Assistant to the CEO", "individual"),
        ("Internal Auditor", "individual"),
        ("System Administrator", "individual"),
        ("Student", "student"),
        ("Werkstudent", "student"),
        ("Student Affairs Director", "head"),
        ("Head of Student Services", "head"),
        ("Marketing Intern", "student"),
        ("Étudiante", "student"),
        ("  ", ""),
    ],
)
def test_role_is_read_from_the_job_title(title, role):
    assert titles.shipped().read(title).role == role


def test_hostile_names_stay_data_and_lose_only_what_controls_things():
    assert profile.clean("{{7*7}}") == "{{7*7}}"
    assert profile.clean("<script>alert(1)</script>") == "<script>alert(1)</script>"
    assert profile.clean("Ada\r\nBcc: all@example.com") == "Ada Bcc: all@example.com"
    assert profile.clean("A\0d\x07a\x1b[31m") == "Ada[31m"
    assert profile.clean("one\r\ntwo", lines=True) == "one\ntwo"


@given(st.text())
def test_anything_can_be_cleaned_sized_and_read_as_a_title(text):
    assert not set(profile.clean(text)) & set("\0\r\n\x1b")
    size = profile.company_size(text)
    assert size is None or 0 < size <= profile.LARGEST
    assert titles.shipped().read(text).role in {"", "executive", "head", "manager", "individual", "student"}
