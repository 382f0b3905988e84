import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.rendering import (
    CompiledTemplate,
    LinkSlots,
    Rendered,
    RenderError,
    TemplateProblems,
    TemplateSource,
    compile_template,
    render,
)

WORKSPACE = {
    "name": "Acme",
    "site_url": "https://acme.test",
    "booking_url": "https://acme.test/book",
    "docs_url": "https://docs.acme.test",
    "pricing_url": "",
    "app_url": "https://app.acme.test",
    "postal_address": "1 Main Street, Springfield",
    "sender_name": "Ann",
}
LEAD: dict[str, Any] = {
    "first_name": "Ann",
    "last_name": "Example",
    "email": "ann@example.com",
    "company": "Example & Sons",
    "job_title": "",
    "country": "",
    "primary_audience": "",
    "score": 40,
    "stage": "mql",
    "attributes": {"plan": "pro"},
}


def section(content: str) -> str:
    return f"<mj-section><mj-column>\n{content}\n</mj-column></mj-section>"


def source(body: str = section("<mj-text>Hi</mj-text>"), **changes: Any) -> TemplateSource:
    values = {
        "format": "mjml",
        "subject": "Hello",
        "preheader": "",
        "body": body,
        "message_class": "marketing",
    }
    return TemplateSource(**(values | changes))


def compiled(body: str, **changes: Any) -> CompiledTemplate:
    return compile_template(source(body, **changes), workspace=WORKSPACE)


def fill(template: CompiledTemplate, **context: Any) -> Rendered:
    values = {"lead": LEAD, "workspace": WORKSPACE, "event": {}, "events": [], "reason": "You asked for it."}
    slots = LinkSlots(
        links=[f"https://acme.test/c/{number}" for number in range(len(template.links))],
        open_url="https://acme.test/o/x.gif",
        unsubscribe_url="https://acme.test/u/x",
        preferences_url="https://acme.test/preferences/x",
    )
    return render(template, values | context, slots)


def problems(body: str, **changes: Any) -> list[tuple[str, int, str]]:
    with pytest.raises(TemplateProblems) as caught:
        compiled(body, **changes)
    return [(problem.where, problem.line, problem.message) for problem in caught.value.problems]


class TestFilling:
    def test_a_fragment_becomes_a_whole_mail(self):
        template = compiled(
            section("<mj-text>{% if lead.first_name %}Hi {{ lead.first_name }},{% else %}Hello,{% endif %}</mj-text>"),
            subject="{{ lead.company }}: a question",
            preheader="For {{ lead.company }} & co",
        )
        mail = fill(template)
        assert mail.subject == "Example & Sons: a question"
        assert "Hi Ann," in mail.html
        assert "For Example &amp; Sons &amp; co" in mail.html
        assert "You asked for it." in mail.html
        assert 'href="https://acme.test/u/x"' in mail.html.replace("\n", " ")
        assert 'src="https://acme.test/o/x.gif"' in mail.html.replace("\n", " ")
        assert mail.text == (
            "Acme\n\nHi Ann,\n\nYou asked for it.\n\n"
            "Choose what you get (https://acme.test/preferences/x) · Unsubscribe (https://acme.test/u/x)\n\n"
            "1 Main Street, Springfield\n"
        )

    def test_a_transactional_mail_has_no_way_out(self):
        mail = fill(compiled(section("<mj-text>Receipt</mj-text>"), message_class="transactional"))
        assert "nsubscribe" not in mail.html + mail.text
        assert "1 Main Street" in mail.html

    @pytest.mark.parametrize("name", ["{{7*7}}", "{% for x in range(9) %}x{% endfor %}", "<script>alert(1)</script>"])
    def test_what_a_lead_typed_is_data(self, name):
        template = compiled(section('<mj-text title="{{ lead.first_name }}">{{ lead.first_name }}</mj-text>'))
        mail = fill(template, lead=LEAD | {"first_name": name})
        assert "49" not in mail.text
        assert name in mail.text
        assert "<script" not in mail.html

    def test_a_subject_is_one_line(self):
        template = compiled(section("<mj-text>x</mj-text>"), subject="Hi {{ lead.first_name }}")
        mail = fill(template, lead=LEAD | {"first_name": "Ann\r\nBcc: all@example.com\x00\u2028"})
        assert mail.subject == "Hi Ann  Bcc: all@example.com"
        assert len(fill(template, lead=LEAD | {"first_name": "x" * 9_000}).subject) == 250

    def test_a_value_that_is_missing_is_an_error_and_a_question_is_not(self):
        asks = compiled(section("<mj-text>{% if event.coupon %}{{ event.coupon }}{% else %}none{% endif %}</mj-text>"))
        assert "none" in fill(asks).text
        prints = compiled(section("<mj-text>{{ event.coupon }}</mj-text>"))
        assert "X1" in fill(prints, event={"coupon": "X1"}).text
        with pytest.raises(RenderError, match=r"event\.coupon"):
            fill(prints)

    def test_a_template_that_computes_too_much_runs_out_of_fuel(self):
        template = compiled(section("<mj-text>{% for a in events %}{{ a.x }}{% endfor %}</mj-text>"))
        with pytest.raises(RenderError, match="Fuel"):
            fill(template, events=[{"x": "y"}] * 20_000)

    def test_a_template_that_makes_too_much_is_refused(self):
        template = compiled(section("<mj-text>{% for a in events %}{{ a.x }}{% endfor %}</mj-text>"))
        with pytest.raises(RenderError, match="characters"):
            fill(template, events=[{"x": "y" * 10_000}] * 100)

    def test_it_survives_being_stored(self):
        template = compiled(section("<mj-text>{{ lead.first_name }} – <a href='https://a.test'>a</a></mj-text>"))
        assert CompiledTemplate.from_json(json.loads(json.dumps(template.to_json()))) == template
        assert "lead.first_name" in template.variables

    def test_what_is_kept_for_a_version_is_used_again(self):
        one, two = compiled(section("<mj-text>one</mj-text>")), compiled(section("<mj-text>two</mj-text>"))
        context, slots = {"lead": LEAD, "workspace": WORKSPACE, "event": {}, "events": []}, LinkSlots([])
        assert "one" in render(one, context, slots, cache_key="version 1").text
        assert "one" in render(two, context, slots, cache_key="version 1").text
        assert "two" in render(two, context, slots, cache_key="version 2").text

    @settings(max_examples=60, deadline=None)
    @given(st.text(max_size=80), st.text(max_size=80))
    def test_no_value_breaks_out_of_the_html(self, first_name, company):
        template = compiled(section('<mj-text css-class="{{ lead.company }}">[{{ lead.first_name }}]</mj-text>'))
        mail = fill(template, lead=LEAD | {"first_name": first_name, "company": company})
        plain = fill(template, lead=LEAD | {"first_name": "", "company": ""})
        for char in "<>\"'":
            assert mail.html.count(char) == plain.html.count(char)


class TestBodies:
    def test_html_is_ascii_with_short_lines_so_that_it_travels_unencoded(self):
        template = compiled(section("<mj-text>Grüße — <b>你好</b> {{ event.x|default('é') }}</mj-text>"))
        mail = fill(template, event={"x": "x"})
        assert mail.html.isascii()
        assert max(map(len, mail.html.split("\n"))) < 990
        assert "Grüße — 你好" in mail.text

    def test_comparisons_and_quotes_in_tags_do_not_break_the_markup(self):
        mail = fill(
            compiled(
                section(
                    '{% if lead.score < 50 %}<mj-text>low {{ "<i>" }}</mj-text>{% endif %}'
                    '<mj-button href="https://a.test/?q={{ event.q|default("none") }}">go</mj-button>'
                )
            )
        )
        assert "low &lt;i&gt;" in mail.html
        assert 'href="https://a.test/?q=none"' in mail.html.replace("\n", " ")

    def test_loops_around_rows_and_sections(self):
        body = (
            section(
                "<mj-table>{% for e in events %}<tr><td>{{ e.name }}</td><td>{{ e.price }}</td></tr>"
                "{% endfor %}</mj-table>"
            )
            + "{% if lead.score > 90 %}"
            + section("<mj-text>Very hot</mj-text>")
            + "{% endif %}"
        )
        mail = fill(compiled(body), events=[{"name": "Pro", "price": "9"}, {"name": "Team", "price": "19"}])
        assert mail.html.count("<td>Pro</td><td>9</td>") == 1
        assert "Pro 9\nTeam 19\n" in mail.text
        assert "Very hot" not in mail.html + mail.text

    def test_comments_stay_at_home(self):
        mail = fill(compiled(section("<mj-text>a{# not for readers #}b</mj-text>")))
        assert "ab" in mail.html
        assert "not for readers" not in mail.html

    def test_raw_html_gets_its_styles_inlined(self):
        body = (
            "<style>p { color: #123456 }</style><p>Hi {{ lead.first_name }}</p>"
            "<table>{% for e in events %}<tr><td>{{ e }}</td></tr>{% endfor %}</table>"
            '<p>{{ workspace.postal_address }} <a href="{{ unsubscribe_url }}">Leave</a></p>'
        )
        mail = fill(compiled(body, format="html", preheader="Soon"), events=["one", "two"])
        assert "color: #123456" in mail.html
        assert mail.html.count("<tr><td>") == 2
        assert "Soon" in mail.html
        assert "Hi Ann" in mail.text
        assert "Leave (https://acme.test/u/x)" in mail.text

    def test_a_whole_mjml_document_keeps_its_own_footer(self):
        body = (
            "<mjml><mj-body>"
            + section("<mj-text>Mine {{ workspace.postal_address }} <a href='{{ unsubscribe_url }}'>out</a></mj-text>")
            + "</mj-body></mjml>"
        )
        mail = fill(compiled(body))
        assert "Mine 1 Main Street" in mail.html
        assert "Choose what you get" not in mail.html

    def test_a_text_written_by_hand_replaces_ours(self):
        template = compiled(
            section("<mj-button href='https://acme.test/a'>A</mj-button>"),
            text="Hi {{ lead.first_name }},\nsee https://acme.test/a, or {{ workspace.booking_url }}.\n",
        )
        assert template.links == ["https://acme.test/a", "https://acme.test/book"]
        text = fill(template).text
        assert text.startswith("Hi Ann,\nsee https://acme.test/c/0, or https://acme.test/c/1.\n")
        assert "Unsubscribe: https://acme.test/u/x" in text


class TestLinks:
    def test_fixed_destinations_become_slots_shared_by_html_and_text(self):
        template = compiled(
            section(
                '<mj-text><a href="{{ workspace.docs_url }}/start?a=1&amp;b=2">Guide</a></mj-text>'
                '<mj-button href="{{ workspace.booking_url }}">Book</mj-button>'
                '<mj-button href="https://acme.test/book">Book again</mj-button>'
            )
        )
        assert template.links == ["https://docs.acme.test/start?a=1&b=2", "https://acme.test/book"]
        mail = fill(template)
        assert mail.html.count("https://acme.test/c/1") == 2
        assert "docs.acme.test" not in mail.html
        assert "Guide (https://acme.test/c/0)" in mail.text
        assert "Book again (https://acme.test/c/1)" in mail.text

    def test_the_way_out_is_never_tracked(self):
        assert compiled(section("<mj-text>x</mj-text>")).links == []

    def test_mail_and_phone_links_are_left_alone(self):
        template = compiled(
            section('<mj-text><a href="mailto:hi@acme.test">write</a> <a href="tel:+1">call</a></mj-text>')
        )
        assert template.links == []
        assert "write (hi@acme.test)" in fill(template).text

    @pytest.mark.parametrize(
        ("address", "sent"),
        [
            ("https://shop.test/cart/1?a=b&c=d", "https:&#x2f;&#x2f;shop.test&#x2f;cart&#x2f;1?a=b&amp;c=d"),
            ("javascript:alert(1)", "#"),
            (" JavaScript:alert(1)", "#"),
            ("data:text/html,x", "#"),
            ("//evil.test", "#"),
            ('https://x.test/"><script>', "https:&#x2f;&#x2f;x.test&#x2f;&quot;&gt;&lt;script&gt;"),
        ],
    )
    def test_an_address_that_came_with_an_event_is_kept_to_the_web(self, address, sent):
        template = compiled(section('<mj-button href="{{ event.cart_url }}">Back to your cart</mj-button>'))
        assert template.links == []
        mail = fill(template, event={"cart_url": address})
        assert f'href="{sent}"' in mail.html
        assert f"({address if sent != '#' else '#'})" in mail.text

    def test_slots_and_addresses_must_match(self):
        template = compiled(section("<mj-button href='https://a.test'>a</mj-button>"))
        with pytest.raises(RenderError, match="0 link addresses for 1 slots"):
            render(template, {"lead": LEAD, "workspace": WORKSPACE}, LinkSlots([]))

    @pytest.mark.parametrize(
        ("href", "message"),
        [
            ("javascript:alert(1)", "must start with http:// or https://"),
            ("/pricing", "must start with http:// or https://"),
            ("#", "leads nowhere"),
            ("{{ workspace.pricing_url }}", "leads nowhere"),
            ("javascript:{{ event.x }}", "must start with http:// or https://"),
        ],
    )
    def test_a_link_that_leads_nowhere_is_a_problem(self, href, message):
        [(where, line, text)] = problems(section(f'<mj-text>x</mj-text>\n<mj-button href="{href}">x</mj-button>'))
        assert (where, line) == ("body", 3)
        assert message in text


class TestLint:
    @pytest.mark.parametrize(
        ("body", "line", "message"),
        [
            (
                "<mj-text>{{ lead.frist_name }}</mj-text>",
                2,
                "lead has no attribute frist_name; did you mean first_name?",
            ),
            ("<mj-text>a\n{{ laed.email }}</mj-text>", 3, "laed is not a variable; did you mean lead?"),
            ("<mj-text>{{ lead }}</mj-text>", 2, "lead as a whole cannot be used; write for instance lead.attributes"),
            ("<mj-text>{{ lead.email|safe }}</mj-text>", 2, "there is no filter safe"),
            ("<mj-text>{{ lead.email|uper }}</mj-text>", 2, "there is no filter uper; did you mean upper?"),
            ("<mj-text>{% include 'x' %}</mj-text>", 2, "{% include %} is not available"),
            ("<mj-text>{{ range(9) }}</mj-text>", 2, "range is not a variable"),
            ("<mj-text>\n\n{{ lead.email }</mj-text>", 4, "unexpected"),
            ("<mj-text>{% if lead.email %}</mj-text>", 2, "unexpected end of input"),
            ("<mj-txt>x</mj-txt>", 2, "<mj-txt> is not an MJML element; did you mean mj-text?"),
            ("<mj-text>a\n<script>x</script></mj-text>", 3, "<script> is not possible in a mail"),
            ("<mj-include path='/etc/passwd' />", 2, "<mj-include> is not possible in a mail"),
            ("<mj-text><p>a</mj-text>", 2, "<p> is not closed before </mj-text> in line 2"),
        ],
    )
    def test_it_names_the_line_and_what_to_do(self, body, line, message):
        found = problems(section(body))
        assert any(where == "body" and at == line and message in text for where, at, text in found), found

    def test_everything_wrong_is_said_at_once(self):
        found = problems(
            section("<mj-text>{{ lead.x }}</mj-text>"), subject="{{ y }}", preheader="{{ z", text="{{ w }}"
        )
        assert [where for where, _, _ in found] == ["subject", "preheader", "body", "text"]

    def test_sizes(self):
        assert "a mail needs a subject" in problems("x", subject=" ")[0][2]
        assert "Gmail" in problems(section("<mj-text>" + "x " * 60_000 + "</mj-text>"))[0][2]
        assert "at most 500" in problems(section("<mj-text>x</mj-text>"), subject="x" * 501)[0][2]

    def test_marketing_mail_of_ones_own_making_needs_a_way_out_and_an_address(self):
        found = [message for _, _, message in problems("<p>Buy</p>", format="html")]
        assert found == [
            "marketing mail must show {{ unsubscribe_url }}",
            "marketing mail must show {{ workspace.postal_address }}",
        ]
        assert compiled("<p>Receipt</p>", format="html", message_class="transactional").html

    @settings(max_examples=200, deadline=None)
    @given(st.text("<>{}%\"'/=mj-text sectionhrefa!\n", max_size=120), st.sampled_from(["mjml", "html"]))
    def test_noise_is_a_list_of_problems_or_a_mail(self, body, form):
        with contextlib.suppress(TemplateProblems):
            compiled(body, format=form, message_class="transactional")
