"""Recordings by their address: what a page can play, from where exactly, and what stays a link."""

import pytest

from webinars.recordings import player

TUBE, VIMEO = "https://www.youtube-nocookie.com", "https://player.vimeo.com"
ID = "dQw4w9WgXcQ"


@pytest.mark.parametrize(
    ("url", "src"),
    [
        (f"https://www.youtube.com/watch?v={ID}&list=PL1", f"{TUBE}/embed/{ID}?rel=0"),
        (f"https://youtu.be/{ID}?si=abc&t=1m30s", f"{TUBE}/embed/{ID}?rel=0&start=90"),
        (f"https://m.youtube.com/watch?v={ID}&t=95", f"{TUBE}/embed/{ID}?rel=0&start=95"),
        (f"https://www.youtube.com/live/{ID}", f"{TUBE}/embed/{ID}?rel=0"),
        (f"https://www.youtube-nocookie.com/embed/{ID}?start=5", f"{TUBE}/embed/{ID}?rel=0&start=5"),
        (f"https://youtu.be/{ID}?t=soon", f"{TUBE}/embed/{ID}?rel=0"),
        ("https://vimeo.com/76979871", f"{VIMEO}/video/76979871?dnt=1"),
        ("https://vimeo.com/76979871/8272103f6e", f"{VIMEO}/video/76979871?h=8272103f6e&dnt=1"),
        ("https://player.vimeo.com/video/76979871?h=8272103f6e&dnt=0", f"{VIMEO}/video/76979871?h=8272103f6e&dnt=1"),
    ],
)
def test_players_that_keep_the_least_of_who_looks(url, src) -> None:
    found = player(url)
    assert (found.src, found.mime) == (src, "")
    assert src.startswith(found.origin + "/")
    assert found.origin in (TUBE, VIMEO)


def test_a_film_is_played_as_it_is() -> None:
    found = player("https://cdn.example.com:8443/films/WB001.MP4?token=a%20b")
    assert (found.src, found.origin, found.mime) == (
        "https://cdn.example.com:8443/films/WB001.MP4?token=a%20b",
        "https://cdn.example.com:8443",
        "video/mp4",
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://us02web.zoom.us/rec/share/abc.def?pwd=1",
        f"http://www.youtube.com/watch?v={ID}",
        f"https://youtube.com.example.com/watch?v={ID}",
        f"https://www.youtube.com@example.com/watch?v={ID}",
        "https://www.youtube.com/watch?v=short",
        f'https://youtu.be/{ID}"onload=1',
        "https://www.youtube.com/@channel",
        "https://vimeo.com/ada",
        "https://vimeo.com/76979871/%22%3E%3Cscript%3E",
        "javascript:alert(1)//a.mp4",
        "https://a;script-src *.example.com/a.mp4",
        "https://a b.example.com/a.mp4",
        "https://example.com:port/a.mp4",
        "https://[::1/a.mp4",
        "https://example.com/a.mp4.html",
    ],
)
def test_everything_else_stays_a_link(url) -> None:
    assert player(url) is None
