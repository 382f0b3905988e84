"""What strangers type into a form stays text: nothing is executed, nothing becomes a header, nothing is lost."""

import pytest

from leads.models import Lead
from tests.cast import World, run_of

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

CR_LF = "Eve\r\nBcc: victim@example.com\r\n\r\n<b>hello</b>"


@pytest.mark.parametrize("name", ["{{7*7}}", "{% for x in range(10**9) %}x{% endfor %}", "{{ lead.email }}", "{# #}"])
def test_template_syntax_in_a_name_stays_as_it_was_typed(world: World, name: str) -> None:
    world.submit("contact", email="eve@example.com", first_name=name)
    for day in (0, 7, 14, 21, 28, 43):
        world.at(days=day)
    for mail in world.smtp.mails:
        assert f"Hi {name}," in mail.text
        assert "Hi 49," not in mail.text
    assert world.smtp.mails[5].subject == f"{name}, is it still on your list?"


def test_markup_in_a_name_is_escaped_in_html_and_plain_in_text(world: World) -> None:
    name = "<script>alert(1)</script>"
    world.submit("contact", email="eve@example.com", first_name=name, company='"><img src=x onerror=alert(1)>')
    for day in (0, 7, 14, 21, 28, 43, 58):
        world.at(days=day)
    assert len(world.smtp.mails) == 7
    for mail in world.smtp.mails:
        assert "<script" not in mail.html
        assert "<img src=x" not in mail.html
        assert "&lt;script&gt;alert(1)" in mail.html
        assert name in mail.text


def test_a_line_break_in_a_name_never_makes_a_header(world: World) -> None:
    world.submit("contact", email="eve@example.com", first_name=CR_LF, last_name="X\nX-Spam: no", company="A\r\nB")
    for day in (0, 7, 14, 21, 28, 43):
        world.at(days=day)
    assert set(world.smtp.recipients) == {"eve@example.com"}
    assert len(world.smtp.mails) == 6
    for mail in world.smtp.mails:
        assert mail.message["Bcc"] is None
        assert mail.message["X-Spam"] is None
        assert "\n" not in mail.subject
        assert str(mail.message["To"]).endswith("<eve@example.com>")
        assert len(mail.message.get_all("Subject")) == 1


def test_a_hostile_name_reaches_the_rep_as_text(world: World) -> None:
    world.submit("demo-request", email="eve@example.com", first_name=CR_LF, company="<script>alert(1)</script>")
    world.run()
    (alert,) = world.alerts
    assert alert.to == ["sales@example.com"]
    assert "\n" not in alert.subject
    assert alert.message()["Bcc"] is None
    html = str(alert.alternatives[0][0])
    assert "<script" not in html


def test_a_purchase_with_hostile_products_is_still_confirmed(world: World) -> None:
    eve = world.submit("newsletter", email="eve@example.com")
    world.tell(eve, "purchase.completed", products=[{"name": "{{7*7}}"}, "<script>x</script>", {"name": None}])
    world.tell(eve, "purchase.completed", products="not a list", product={"a": 1})
    world.run()
    mail = next(mail for mail in world.smtp.mails if mail.subject.startswith("Thank you"))
    assert "{{7*7}}" in mail.text
    assert "<script" not in mail.html


def test_what_is_not_a_submission_makes_no_lead_and_a_double_click_makes_one_effect(world: World) -> None:
    url = "/api/v1/forms/contact/submissions"
    for body in ("{", '{"email": "nobody"}', "{}", "[]"):
        answer = world.browser.post(url, body, content_type="application/json")
        assert answer.status_code == 400
        assert answer.json()["error"]["message"]
    assert world.browser.post("/api/v1/forms/nothing/submissions", {"email": "a@b.co"}).status_code == 404
    assert world.browser.post(url, b"x" * 2_000_000, content_type="application/json").status_code == 413
    assert not Lead.objects.exists()
    for _ in range(2):
        eve = world.submit("contact", email="eve@example.com", first_name="Eve")
    for day in (0, 7):
        world.at(days=day)
    assert eve.touches.count() == 1
    assert len(world.smtp.mails) == 2
    assert run_of(eve, "demo-nurture").state == "active"
