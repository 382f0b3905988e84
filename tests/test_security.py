"""Headers and locks of the doors."""

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory, override_settings

from lifecycle.security import client_address


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "6.6.6.6", "10.0.0.1"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, "", "10.0.0.1"),
    ],
)
def test_only_our_own_proxies_are_believed(proxies: int, forwarded: str, address: str) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)
    with override_settings(TRUSTED_PROXIES=proxies):
        assert client_address(request) == address


def test_public_pages_have_a_strict_policy(client: Client) -> None:
    policy = client.get("/healthz")["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.django_db
def test_the_admin_may_evaluate_what_its_theme_needs_and_no_other_host(client: Client) -> None:
    policy = client.get("/admin/login/")["Content-Security-Policy"]
    assert "'unsafe-eval'" in policy
    assert "http" not in policy


@pytest.mark.django_db
def test_guessing_passwords_locks_the_guesser_out_and_nobody_else(client: Client) -> None:
    User.objects.create_superuser("ada", password="correct horse battery")
    attempt = {"username": "ada", "password": "wrong"}
    codes = [client.post("/admin/login/", attempt).status_code for _ in range(9)]
    assert codes[0] == 200
    assert codes[-1] == 429
    right = {"username": "ada", "password": "correct horse battery"}
    assert client.post("/admin/login/", right).status_code == 429
    elsewhere = Client(REMOTE_ADDR="203.0.113.7")
    assert elsewhere.post("/admin/login/", right).status_code == 302
