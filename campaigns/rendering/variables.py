"""What a template may say: the variables that exist, the filters, tests and tags that are safe and useful.

Everything else is refused at publish with its line. Filters that multiply text or switch escaping off are not on the
list: what a lead typed is data, and stays small and escaped.
"""

import difflib
import re
from collections.abc import Iterator

from minijinja import Environment, TemplateError

from campaigns.rendering.model import Problem, Where

# None: a dict whose names nobody knows beforehand.
ROOTS: dict[str, frozenset[str] | None] = {
    "lead": frozenset(
        "first_name last_name email company job_title country primary_audience score stage attributes".split()
    ),
    "workspace": frozenset(
        "name site_url booking_url docs_url pricing_url app_url forms_url postal_address sender_name".split()
    ),
    "event": None,
    "events": None,
    "reason": None,
    "unsubscribe_url": None,
    "preferences_url": None,
}

FILTERS = frozenset(
    "abs capitalize d default dictsort e escape first float int items join last length list lower map max min reject "
    "rejectattr reverse round select selectattr sort sum title trim unique upper urlencode".split()
)
TESTS = frozenset(
    "defined undefined none string number integer boolean mapping sequence iterable odd even divisibleby eq ne lt le "
    "gt ge in true false startingwith endingwith containing lower upper".split()
)
TAGS = frozenset("if elif else endif for endfor set".split())

_STRING = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"
TAG = re.compile(rf"\{{\{{(?:{_STRING}|[^\"'])*?\}}\}}|\{{%(?:{_STRING}|[^\"'])*?%\}}|\{{#.*?#\}}", re.DOTALL)
_STRINGS = re.compile(_STRING)
_FILTER = re.compile(r"\|\s*([A-Za-z_]\w*)")
_TEST = re.compile(r"\bis\s+(?:not\s+)?([A-Za-z_]\w*)")
_KEYWORD = re.compile(r"\{%[-+]?\s*(\w+)")

_reader = Environment(pycompat=False)


def register_root(name: str, attributes: frozenset[str] | None) -> None:
    """Let templates use `name.…`; whoever registers it supplies it in the context. Called from an app's ready()."""
    ROOTS[name] = attributes


def names_in(source: str) -> set[str]:
    """Dotted names of the variables that the source takes from its context."""
    return _reader.undeclared_variables_in_str(source, nested=True)


def lint(where: Where, source: str) -> list[Problem]:
    """Everything wrong with the template tags of one part."""
    try:
        used = names_in(source)
    except TemplateError as error:
        return [Problem(where, error.line or 1, error.detail or error.message)]
    problems = [*_unknown_words(where, source)]
    for name in sorted(used):
        message = _complaint(name)
        if message:
            problems.append(Problem(where, _line_of_name(source, name), message))
    return sorted(problems, key=lambda problem: problem.line)


def line_at(source: str, offset: int) -> int:
    return source.count("\n", 0, offset) + 1


def closest(word: str, known: frozenset[str] | dict[str, frozenset[str] | None]) -> str:
    """A hint that ends a message: the name that was probably meant, or all there are."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(known))}"


def _unknown_words(where: Where, source: str) -> Iterator[Problem]:
    for match in TAG.finditer(source):
        tag, line = match.group(), line_at(source, match.start())
        if tag.startswith("{#"):
            continue
        bare = _STRINGS.sub('""', tag)
        keyword = _KEYWORD.match(bare)
        if keyword and keyword[1] not in TAGS:
            yield Problem(where, line, f"{{% {keyword[1]} %}} is not available; {closest(keyword[1], TAGS)}")
        for word in _FILTER.findall(bare):
            if word not in FILTERS:
                yield Problem(where, line, f"there is no filter {word}; {closest(word, FILTERS)}")
        for word in _TEST.findall(bare):
            if word not in TESTS:
                yield Problem(where, line, f"there is no test “is {word}”; {closest(word, TESTS)}")


def _complaint(name: str) -> str:
    root, _, rest = name.partition(".")
    if root not in ROOTS:
        return f"{root} is not a variable; {closest(root, ROOTS)}"
    attributes = ROOTS[root]
    if attributes is None:
        return ""
    if not rest:
        return f"{root} as a whole cannot be used; write for instance {root}.{min(attributes)}"
    attribute = rest.partition(".")[0]
    if attribute not in attributes:
        return f"{root} has no attribute {attribute}; {closest(attribute, attributes)}"
    return ""


def _line_of_name(source: str, name: str) -> int:
    for wanted in (name, name.partition(".")[0]):
        pattern = re.compile(rf"\b{re.escape(wanted)}\b")
        for match in TAG.finditer(source):
            found = pattern.search(match.group())
            if found:
                return line_at(source, match.start() + found.start())
    return 1
