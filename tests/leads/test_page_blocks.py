"""Blocks of landing pages: read, refused with their place, and written text that never becomes a tag."""

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.pages import blocks, prose
from leads.pages.assigning import Offer, assign
from leads.pages.kinds import KINDS, asked_of
from lifecycle.core import lots

FULL = [
    {"type": "hero", "headline": "Sell more", "button": "Get it", "aside": "image", "image": "https://img.example/a.png"},
    {"type": "text", "heading": "Why", "body": "Because **it works**."},
    {"type": "bullets", "heading": "Inside", "look": "cards", "items": [{"title": "One", "text": "First"}]},
    {"type": "steps", "items": [{"title": "Go"}]},
    {"type": "quote", "text": "Good.", "author": "Ana", "role": "Head of Operations, Acme"},
    {"type": "logos", "heading": "Used by", "items": [{"name": "Acme", "image": "/static/acme.svg"}, {"name": "Ode"}]},
    {"type": "form", "heading": "Where to?"},
    {"type": "magnet", "heading": "The checklist", "note": "PDF", "inside": [{"title": "Before"}], "button": "Get it"},
    {"type": "faq", "items": [{"question": "Is it free?", "answer": "Yes."}]},
    {"type": "call", "heading": "Now", "button": "Get it", "link": "#form"},
]  # fmt: skip


def test_a_page_with_every_kind_reads_and_is_written_as_it_was() -> None:
    found = blocks.read(FULL)
    assert {block.KIND for block in found} == set(KINDS)
    assert blocks.plain(found) == FULL


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "A list of blocks is expected."),
        ([{"type": "text", "body": "x"}] * 41, "At most 40 blocks make a page; these are 41."),
        (["hero"], "Block 1: A block is written {“type”: …}."),
        ([{"body": "x"}], "Block 1, type: There is no such block; there are hero, text, bullets"),
        ([{"type": ["hero"]}], "Block 1, type: There is no such block"),
        ([{"type": "hero"}], "Block 1, headline: “Headline” is needed."),
        ([{"type": "hero", "headline": "  "}], "Block 1, headline: “Headline” is needed."),
        ([{"type": "hero", "headline": 3}], "Block 1, headline: A text is expected."),
        ([{"type": "hero", "headline": "x" * 141}], "Block 1, headline: At most 140 characters; these are 141."),
        ([{"type": "hero", "headline": "x", "colour": "red"}], "Block 1, colour: Not known here; known are eyebrow,"),
        ([{"type": "hero", "headline": "x", "aside": "video"}], "Block 1, aside: Choose one of “”, “form”, “magnet”"),
        ([{"type": "hero", "headline": "x", "link": "javascript:alert(1)"}], "Block 1, link: A link begins with"),
        ([{"type": "hero", "headline": "x", "link": "//evil.example"}], "Block 1, link: A link begins with"),
        ([{"type": "hero", "headline": "x", "image": "http://plain.example/a.png"}], "Block 1, image: A picture's"),
        ([{"type": "hero", "headline": "x", "image": "https://a b'; script-src *"}], "Block 1, image: A picture's"),
        ([{"type": "faq", "items": []}], "Block 1, items: “Questions” is needed."),
        ([{"type": "faq", "items": "x"}], "Block 1, items: A list is expected."),
        ([{"type": "faq", "items": [3]}], "Block 1, items[0]: Write {question, answer}."),
        ([{"type": "faq", "items": [{"question": "x"}]}], "Block 1, items[0].answer: “Answer” is needed."),
        ([{"type": "steps", "items": [{"title": "x"}] * 41}], "Block 1, items: At most 40; these are 41."),
        ([{"type": "form"}, {"type": "form"}], "Block 2: The page shows its form already"),
        ([{"type": "form"}, {"type": "hero", "headline": "x", "aside": "form"}], "Block 2: The page shows its form"),
    ],
)
def test_what_does_not_read_is_named_with_its_place(data: object, said: str) -> None:
    with pytest.raises(blocks.BlockError) as refused:
        blocks.read(data)
    assert any(str(problem).startswith(said) for problem in refused.value.problems), str(refused.value)


def test_every_fault_is_named_at_once_and_the_sound_blocks_are_there() -> None:
    found, problems = blocks.read_leniently([{"type": "hero"}, {"type": "text", "body": "Fine"}, {"type": "quote"}])
    assert [block.KIND for block in found] == ["text"]
    assert [(problem.block, problem.place) for problem in problems] == [(0, "headline"), (2, "text"), (2, "author")]


def test_the_origins_of_pictures_are_known_to_the_last_one() -> None:
    assert blocks.images(blocks.read(FULL)) == {"https://img.example"}
    quoted = {"type": "quote", "text": "x", "author": "y", "image": "https://CDN.Example:8443/a.jpg?x=1"}
    assert blocks.images(blocks.read([quoted])) == {"https://cdn.example:8443"}


words = st.text(max_size=60)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.builds(lambda kind, rest: {**rest, "type": kind}, st.sampled_from([*KINDS, "x"]),
                          st.dictionaries(st.sampled_from(["headline", "items", "text", "body", "image"]), anything)),
                max_size=4) | anything)  # fmt: skip
def test_anything_reads_or_is_refused_and_what_reads_reads_again(data: object) -> None:
    found, problems = blocks.read_leniently(data)
    assert all(str(problem) for problem in problems)
    assert blocks.read(json.loads(json.dumps(blocks.plain(found)))) == found


class Tags(HTMLParser):
    """Every tag and attribute of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, attrs))


@pytest.mark.parametrize(
    ("written", "html"),
    [
        ("", ""),
        ("Hello", "<p>Hello</p>"),
        ("One\nline\n\nTwo", "<p>One<br>line</p>\n<p>Two</p>"),
        ("**bold** and *slanted*, 2*3*4", "<p><strong>bold</strong> and <em>slanted</em>, 2*3*4</p>"),
        ("You get:\n- one\n- two\n  of it", "<p>You get:</p><ul><li>one</li><li>two of it</li></ul>"),
        ("[Us](https://a.example/?a=1&b=2)", '<p><a href="https://a.example/?a=1&amp;b=2">Us</a></p>'),
        ("[Form](#form) [mail](mailto:a@b.example)",
         '<p><a href="#form">Form</a> <a href="mailto:a@b.example">mail</a></p>'),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("[x](//evil.example)", "<p>[x](//evil.example)</p>"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ('[x](https://a.example/"onclick=alert(1))', '<p>[x](https://a.example/"onclick=alert(1))</p>'),
    ],
)  # fmt: skip
def test_text_as_people_write_it(written: str, html: str) -> None:
    assert prose.to_html(written) == html


@given(st.text(alphabet=st.sampled_from("ab<>\"'&*[]()#/:- \n=javscriptmlohe"), max_size=120) | st.text(max_size=80))
def test_written_text_never_becomes_another_tag_or_attribute(written: str) -> None:
    for tag, attributes in Tags(prose.to_html(written)).seen:
        assert tag in {"p", "br", "ul", "li", "strong", "em", "a"}
        for name, value in attributes:
            assert (tag, name) == ("a", "href")
            assert (value or "").startswith(("http://", "https://", "mailto:", "tel:", "/", "#"))


def test_plain_words_for_search_engines() -> None:
    assert prose.to_plain("**Yes.** See [this](/x):\n- a\n- *b*") == "Yes. See this: a b"


OFFERS = [Offer(1, "a", 50), Offer(2, "b", 50), Offer(3, "c", 0)]
browsers = st.text(alphabet="0123456789abcdef", min_size=64, max_size=64)


@given(browsers, st.permutations(OFFERS))
def test_a_browser_gets_the_same_whatever_the_order(browser: str, offers: list[Offer]) -> None:
    first = assign(OFFERS, page=1, browser=browser)
    assert assign(offers, page=1, browser=browser) == first
    assert first is not None
    assert first.weight > 0


@given(browsers, st.lists(st.integers(0, 100), min_size=3, max_size=3), st.sampled_from([1, 2, 3]))
def test_weights_never_move_a_browser_that_was_there(browser: str, weights: list[int], met: int) -> None:
    offers = [Offer(at, "abc"[at - 1], weight) for at, weight in enumerate(weights, start=1)]
    chosen = assign(offers, page=1, browser=browser, met=met)
    assert chosen is not None
    assert chosen.id == met


def test_shares_follow_the_weights_and_a_nameless_browser_sees_the_heaviest() -> None:
    offers = [Offer(1, "a", 30), Offer(2, "b", 70)]
    met = [assign(offers, page=7, browser=f"{n:064x}") for n in range(4_000)]
    share = sum(1 for offer in met if offer and offer.key == "b") / len(met)
    assert share == pytest.approx(0.7, abs=0.03)
    assert assign(offers, page=7, browser="") == offers[1]
    assert assign([Offer(1, "a", 0), Offer(2, "b", 0)], page=7, browser="x") == Offer(1, "a", 0)
    assert assign([], page=7, browser="x") is None


@given(st.text(max_size=20), st.lists(st.integers(0, 100), min_size=1, max_size=6).filter(any))
def test_a_lot_falls_on_something_with_a_weight(name: str, weights: list[int]) -> None:
    assert weights[lots.share(name, weights)] > 0


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_field_says_what_it_is(kind: type) -> None:
    for asked in asked_of(kind).values():
        assert asked.label
        assert asked.control in {"line", "text", "prose", "image", "link", "choice", "items"}
