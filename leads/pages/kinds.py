"""The blocks that a landing page is made of. One class a kind; it is read, edited and shown by what its fields say.

A kind is added here, and gets its look in templates/web/blocks/<kind>.html. The editor builds itself from these fields.
"""

from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar

LINE, TEXT, LONGEST_LIST = 200, 5_000, 40


@dataclass(frozen=True, slots=True)
class Asked:
    """What a field takes. `control`: line, text, prose, image, link, choice or items."""

    label: str
    control: str
    required: bool = False
    most: int = LINE
    hint: str = ""
    options: tuple[tuple[str, str], ...] = ()
    of: type | None = None


def _field(default: str, asked: Asked) -> Any:
    return field(default=default, metadata={"asked": asked})


def line(label: str, *, required: bool = False, most: int = LINE, hint: str = "") -> Any:
    return _field("", Asked(label, "line", required, most, hint))


def text(label: str, *, required: bool = False, most: int = 600, hint: str = "") -> Any:
    return _field("", Asked(label, "text", required, most, hint))


def prose(label: str, *, required: bool = False) -> Any:
    hint = "A blank line begins a paragraph, “- ” a list item. **bold**, *italic*, [words](https://address)."
    return _field("", Asked(label, "prose", required, TEXT, hint))


def image(label: str, hint: str = "Its address: https://…") -> Any:
    return _field("", Asked(label, "image", most=1_000, hint=hint))


def link(label: str, hint: str = "https://… or #form. Empty: to the form on this page.") -> Any:
    return _field("", Asked(label, "link", most=1_000, hint=hint))


def choice(label: str, *options: tuple[str, str], hint: str = "") -> Any:
    """The first option is what holds without an answer."""
    return _field(options[0][0], Asked(label, "choice", hint=hint, options=options))


def items(label: str, of: type, *, required: bool = True) -> dict[str, Asked]:
    return {"asked": Asked(label, "items", required, LONGEST_LIST, of=of)}


@dataclass(frozen=True, slots=True)
class Block:
    KIND: ClassVar[str] = ""
    LABEL: ClassVar[str] = ""
    HELP: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class Point:
    title: str = line("Point", required=True)
    text: str = text("In more words")


@dataclass(frozen=True, slots=True)
class Name:
    name: str = line("Name", required=True, most=80)
    image: str = image("Logo", "https://… Without one, the name is written.")


@dataclass(frozen=True, slots=True)
class Question:
    question: str = line("Question", required=True)
    answer: str = prose("Answer", required=True)


@dataclass(frozen=True, slots=True)
class Hero(Block):
    KIND, LABEL, HELP = "hero", "Opening", "The first thing people see: what it is and what they get."
    eyebrow: str = line("Small line above", most=80, hint="“Free checklist”")
    headline: str = line("Headline", required=True, most=140)
    text: str = text("Text under it")
    button: str = line("Button", most=40, hint="Empty: no button.")
    link: str = link("Where the button leads")
    note: str = line("Small line under the button", hint="“No spam. One click ends it.”")
    aside: str = choice(
        "Beside it",
        ("", "Nothing"),
        ("form", "The page's form"),
        ("magnet", "The cover of the lead magnet"),
        ("image", "A picture"),
    )
    image: str = image("Picture")
    image_alt: str = line("What the picture shows", hint="Read to people who do not see it.")


@dataclass(frozen=True, slots=True)
class Text(Block):
    KIND, LABEL, HELP = "text", "Text", "Paragraphs under a heading."
    heading: str = line("Heading")
    body: str = prose("Text", required=True)


@dataclass(frozen=True, slots=True)
class Bullets(Block):
    KIND, LABEL, HELP = "bullets", "Points", "What people get, point by point."
    heading: str = line("Heading")
    text: str = text("Text under it")
    look: str = choice("Looks like", ("ticks", "A list with ticks"), ("cards", "Cards side by side"))
    items: list[Point] = field(default_factory=list, metadata=items("Points", Point))


@dataclass(frozen=True, slots=True)
class Steps(Block):
    KIND, LABEL, HELP = "steps", "Steps", "How it goes, one after the other."
    heading: str = line("Heading")
    items: list[Point] = field(default_factory=list, metadata=items("Steps", Point))


@dataclass(frozen=True, slots=True)
class Quote(Block):
    KIND, LABEL, HELP = "quote", "Quote", "What somebody says who has it. Only what they really said."
    text: str = text("What they say", required=True)
    author: str = line("Who", required=True, most=80)
    role: str = line("What they do, and where")
    image: str = image("Portrait")


@dataclass(frozen=True, slots=True)
class Logos(Block):
    KIND, LABEL, HELP = "logos", "Logos", "Who else uses it."
    heading: str = line("Heading", hint="“Used by teams at”")
    items: list[Name] = field(default_factory=list, metadata=items("Companies", Name))


@dataclass(frozen=True, slots=True)
class Form(Block):
    KIND, LABEL, HELP = "form", "Form", "The page's form, with its questions. Once on a page."
    heading: str = line("Heading", hint="Empty: the form's own.")
    text: str = text("Text under it", hint="Empty: the form's own.")


@dataclass(frozen=True, slots=True)
class Magnet(Block):
    KIND, LABEL, HELP = "magnet", "Lead magnet", "What the file is: a cover drawn beside what is inside."
    heading: str = line("Heading", required=True)
    text: str = text("Text under it")
    cover: str = line("On the cover", most=90, hint="Empty: the magnet's name.")
    note: str = line("Small line on the cover", most=60, hint="“PDF, 3 pages”")
    inside: list[Point] = field(default_factory=list, metadata=items("What is inside", Point, required=False))
    button: str = line("Button", most=40, hint="Leads to the form. Empty: no button.")


@dataclass(frozen=True, slots=True)
class Faq(Block):
    KIND, LABEL, HELP = "faq", "Questions and answers", "Also told to search engines."
    heading: str = line("Heading")
    items: list[Question] = field(default_factory=list, metadata=items("Questions", Question))


@dataclass(frozen=True, slots=True)
class Call(Block):
    KIND, LABEL, HELP = "call", "Closing call", "One sentence and the button again, at the end of a long page."
    heading: str = line("Heading", required=True)
    text: str = text("Text under it")
    button: str = line("Button", required=True, most=40)
    link: str = link("Where it leads")


KINDS: dict[str, type[Block]] = {
    kind.KIND: kind for kind in (Hero, Text, Bullets, Steps, Quote, Logos, Form, Magnet, Faq, Call)
}


def asked_of(kind: type) -> dict[str, Asked]:
    """What a block or an item of one asks for, by name, in its order."""
    return {each.name: each.metadata["asked"] for each in fields(kind)}


def default_of(kind: type, name: str) -> Any:
    """What a field holds when nothing was said."""
    found = next(each for each in fields(kind) if each.name == name)
    return [] if found.default is MISSING else found.default
