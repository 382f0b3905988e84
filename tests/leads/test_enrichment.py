"""Facts about companies: from the domain alone, and from a real server that is slow, wrong or busy."""

import contextlib
import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads import actions, enrichment
from leads.enrichment import remote, running
from leads.enrichment.offline import Offline
from leads.models import Company, Event, Lead
from leads.pipeline import drain
from leads.rule_fields import VOCABULARY
from lifecycle.core import http
from lifecycle.core.rules import parse
from tests.factories import NOON, CompanyFactory, LeadFactory


class Service:
    """A provider's server. `answers`: domain → (status, headers, body); others are 404."""

    def __init__(self):
        self.answers, self.asked, service = {}, [], self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                domain = self.path.rpartition("/")[2]
                service.asked.append((domain, self.headers.get("authorization")))
                status, headers, body = service.answers.get(domain, (404, {}, b""))
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                return None

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def knows(self, domain, **facts):
        self.answers[domain] = (200, {}, json.dumps(facts).encode())


@pytest.fixture
def service(settings):
    made = Service()
    settings.ENRICHMENT_PROVIDERS = ["http", "offline"]
    settings.ENRICHMENT_URL = f"http://127.0.0.1:{made.server.server_port}/v1/{{domain}}"
    settings.ENRICHMENT_TOKEN = "secret-token"
    settings.ALLOW_PRIVATE_WEBHOOKS = True
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.mark.parametrize(
    ("domain", "name", "country", "kind"),
    [
        ("acme.com", "Acme", "", ""),
        ("blue-ocean.de", "Blue Ocean", "DE", ""),
        ("ibm.com", "IBM", "", ""),
        ("mail.acme.co.uk", "Acme", "GB", ""),
        ("ox.ac.uk", "OX", "GB", "education"),
        ("mit.edu", "MIT", "", "education"),
        ("health.gov.au", "Health", "AU", "government"),
        ("redcross.org", "Redcross", "", "nonprofit"),
        ("startup.io", "Startup", "", ""),
        ("xn--bcher-kva.de", "", "DE", ""),
    ],
)
def test_what_the_domain_itself_says(domain, name, country, kind):
    told = Offline().look_up(domain)
    assert (told.name, told.country, told.facts.get("kind", "")) == (name, country, kind)
    assert (told.size, told.industry, told.time_zone) == (None, "", "")


@pytest.mark.parametrize("domain", ["gmail.com", "mailinator.com", "localhost", "", "..", "a..b"])
def test_free_mail_and_nonsense_name_no_company(domain):
    assert Offline().look_up(domain) is None


@given(st.text(max_size=60))
def test_any_domain_can_be_looked_at(domain):
    Offline().look_up(domain)


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
def test_any_answer_is_facts_nothing_or_unavailable(body):
    with contextlib.suppress(enrichment.Unavailable):
        remote.read(http.Answer(200, {}, body if isinstance(body, bytes) else body.encode()))


@pytest.mark.django_db
def test_a_new_company_is_looked_up_and_its_people_are_scored_again(service, shipped):
    service.knows(
        "acme.com", name="Acme Inc", employees="50-200", industry="Software", time_zone="Europe/Rome", ceo="X"
    )
    lead = actions.upsert_lead(email="ada@acme.com", fields={"job_title": "CEO"}, now=NOON).lead
    assert lead.fit_score == 25
    assert enrichment.drain(now=NOON) == 1
    assert service.asked == [("acme.com", "Bearer secret-token")]
    company = Company.objects.get()
    assert (company.name, company.size, company.industry, company.time_zone) == (
        "Acme Inc",
        50,
        "Software",
        "Europe/Rome",
    )
    assert (company.facts, company.enriched_by, company.enriched_at) == ({"ceo": "X"}, "http, offline", NOON)
    assert (company.enrichment_due_at, company.enrichment_error, company.enrichment_attempts) == (None, "", 0)
    told = Event.objects.get(kind="company.enriched")
    assert (told.lead, told.properties["domain"]) == (lead, "acme.com")
    drain(now=NOON)
    lead.refresh_from_db()
    assert (lead.fit_score, lead.company_size) == (55, None)
    assert enrichment.drain(now=NOON) == 0


@pytest.mark.django_db
def test_what_people_typed_stays_and_nothing_new_tells_nobody(service):
    service.knows("acme.com", name="Other", size=5, industry="Other", country="FR")
    CompanyFactory(domain="acme.com", name="Our Acme", size=80, industry="Tools", enrichment_due_at=NOON)
    LeadFactory(company=Company.objects.get())
    enrichment.drain(now=NOON)
    company = Company.objects.get()
    assert (company.name, company.size, company.industry, company.country) == ("Our Acme", 80, "Tools", "FR")
    assert not Event.objects.filter(kind="company.enriched").exists()


@pytest.mark.django_db
def test_a_provider_that_is_busy_is_asked_again_when_it_said_and_nobody_else_now(service):
    busy = (429, {"retry-after": "7200"}, b"")
    for number in range(8):
        service.answers[f"c{number}.com"] = busy
        CompanyFactory(domain=f"c{number}.com", name=f"c{number}.com", enrichment_due_at=NOON)
    enrichment.drain(now=NOON)
    assert len(service.asked) <= 4
    company = Company.objects.get(domain="c1.com")
    assert company.enrichment_error == "http: answered 429"
    assert company.enrichment_due_at >= NOON + timedelta(hours=2)
    assert company.name == "C1"  # what the domain says counts already
    service.knows("c1.com", size=40)
    enrichment.drain(now=NOON + timedelta(hours=3))
    company.refresh_from_db()
    assert (company.size, company.enrichment_error) == (40, "")


@pytest.mark.django_db
def test_it_gives_up_after_some_attempts_and_says_so_until_somebody_asks_again(service):
    service.answers["acme.com"] = (500, {}, b"")
    company, now = CompanyFactory(domain="acme.com", enrichment_due_at=NOON), NOON
    while company.enrichment_due_at:
        now = max(now, company.enrichment_due_at)
        enrichment.drain(now=now)
        company.refresh_from_db()
    assert company.enrichment_error == "http: answered 500; gave up after 7 attempts"
    service.knows("acme.com", size=10)
    enrichment.ask_again([company.pk], now=now)
    enrichment.drain(now=now)
    company.refresh_from_db()
    assert (company.size, company.enrichment_error) == (10, "")


@pytest.mark.django_db
def test_a_worker_whose_lease_is_over_writes_nothing(service):
    CompanyFactory(domain="acme.com", enrichment_due_at=NOON)
    lease, asked = running.claim(now=NOON)
    assert running.claim(now=NOON)[1] == []
    later, _ = running.claim(now=lease + timedelta(minutes=1))
    found = [running.Found(asked[0], known={"size": 9}, by=["http"])]
    running.settle(found, lease=lease, now=NOON)
    assert Company.objects.get().size is None
    running.settle(found, lease=later, now=NOON)
    assert Company.objects.get().size == 9


@pytest.mark.django_db
def test_private_networks_are_not_asked(service, settings):
    settings.ALLOW_PRIVATE_WEBHOOKS = False
    CompanyFactory(domain="acme.com", enrichment_due_at=NOON)
    enrichment.drain(now=NOON)
    assert service.asked == []
    assert Company.objects.get().enrichment_error == "http: ENRICHMENT_URL must begin with https://"


@pytest.mark.django_db
def test_a_rule_on_company_size_reads_the_account_where_the_person_said_nothing():
    company = CompanyFactory(size=100)
    LeadFactory(email="own@x.com", company=company, company_size=5)
    LeadFactory(email="theirs@x.com", company=company)
    LeadFactory(email="none@x.com")
    rule = parse({"field": "company_size", "op": "gte", "value": 50}, VOCABULARY)
    assert list(Lead.objects.filter(rule.q(NOON)).values_list("email", flat=True)) == ["theirs@x.com"]
