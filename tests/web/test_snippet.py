"""/t.js as it is served. What it does: tests/e2e/test_snippet.py."""

from django.test import Client


def test_it_is_small_kept_for_a_day_and_open_to_every_page(client: Client) -> None:
    answer = client.get("/t.js")
    assert answer.status_code == 200
    assert len(answer.content) < 5_000
    assert answer["Content-Type"].startswith("text/javascript")
    assert "max-age=86400" in answer["Cache-Control"]
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert not answer.cookies
    again = client.get("/t.js", headers={"if-none-match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_it_travels_packed(client: Client) -> None:
    answer = client.get("/t.js", headers={"accept-encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert client.get("/t.js", headers={"accept-encoding": "gzip", "if-none-match": answer["ETag"]}).status_code == 304
