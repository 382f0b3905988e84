"""Names of invented people and companies. Nobody's address: `.example` has no mail, and gmail.com takes no hyphens."""

import unicodedata
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Country:
    name: str
    zone: str
    first: tuple[str, ...]
    last: tuple[str, ...]


def _country(name: str, zone: str, first: str, last: str) -> Country:
    return Country(name, zone, tuple(first.split()), tuple(last.split()))


_GERMAN = (
    (
        "Anna Lukas Miriam Jonas Katrin Felix Sabine Tobias Leonie Markus Heike Stefan Jana Moritz Birgit Florian "
        "Svenja Uwe Ines Dennis"
    ),
    (
        "Schneider Wagner Hoffmann Krüger Neumann Lorenz Vogt Brandt Seidel Kaiser Bergmann Pohl Engel Arnold "
        "Ziegler Busch Kuhn Reuter"
    ),
)
_ENGLISH = (
    (
        "Olivia Harry Amelia George Isla Jack Freya Oscar Grace Leo Maya Ethan Chloe Daniel Aisha Samuel Hannah "
        "Omar Lucy Ravi"
    ),
    (
        "Harrison Bennett Clarke Foster Graham Hughes Lawson Mitchell Parker Reed Shaw Turner Walsh Patel Okafor "
        "Khan Morgan Price"
    ),
)
_DUTCH = (
    "Sanne Daan Lotte Bram Fleur Jeroen Marieke Thijs Anouk Pieter Eva Ruben Ilse Koen Noor Sander",
    "Jansen Bakker Visser Smit Mulder Bos Vos Peters Hendriks Dekker Brouwer Dijkstra Kok Maas",
)
_FRENCH = (
    ("Camille Hugo Manon Louis Chloé Antoine Élodie Mathieu Sophie Julien Inès Thomas Claire Nicolas Amélie Bastien"),
    (
        "Laurent Moreau Girard Fontaine Chevalier Lambert Rousseau Blanchard Garnier Faure Lemaire Marchand "
        "Roussel Colin"
    ),
)
_NORDIC = (
    "Linnea Erik Maja Oskar Elsa Viktor Astrid Nils Freja Gustav Signe Anton",
    "Lindgren Sandberg Nyström Holm Ekström Dahl Forsberg Norén Wikström Sjöberg",
)
_SPANISH = (
    "Lucía Pablo Carmen Javier Marta Diego Elena Sergio Paula Álvaro Nuria Raúl",
    "Romero Navarro Torres Vidal Castro Ortega Molina Serrano Ramos Iglesias",
)
_POLISH = (
    "Zofia Jakub Maja Kacper Alicja Piotr Natalia Michał Ewa Tomasz",
    "Kowalczyk Zieliński Wójcik Lewandowski Mazur Krawczyk Dudek Wrona",
)

COUNTRIES = (
    (_country("Germany", "Europe/Berlin", *_GERMAN), 29),
    (_country("Austria", "Europe/Vienna", *_GERMAN), 6),
    (_country("Switzerland", "Europe/Zurich", *_GERMAN), 7),
    (_country("United Kingdom", "Europe/London", *_ENGLISH), 17),
    (_country("United States", "America/New_York", *_ENGLISH), 9),
    (_country("United States", "America/Chicago", *_ENGLISH), 4),
    (_country("Netherlands", "Europe/Amsterdam", *_DUTCH), 9),
    (_country("France", "Europe/Paris", *_FRENCH), 7),
    (_country("Sweden", "Europe/Stockholm", *_NORDIC), 5),
    (_country("Spain", "Europe/Madrid", *_SPANISH), 4),
    (_country("Poland", "Europe/Warsaw", *_POLISH), 3),
)
SORTS = (
    ("Software Company", 16),
    ("Agency", 9),
    ("Consultancy", 8),
    ("Manufacturer", 12),
    ("Wholesale / Distribution", 8),
    ("Retail / E-commerce", 11),
    ("Logistics / Transport", 13),
    ("Construction / Real Estate", 5),
    ("Bank / Insurance", 3),
    ("Law / Accounting Firm", 4),
    ("Hospital / Health System", 3),
    ("Nonprofit", 4),
    ("University", 2),
    ("Government", 2),
)
# ((title, how much such a person can decide, whether they build things), share)
TITLES = (
    (("Chief Operating Officer", 1.0, False), 4),
    (("Managing Director", 1.0, False), 6),
    (("Founder", 1.0, False), 5),
    (("CTO", 0.9, True), 4),
    (("Head of Operations", 1.0, False), 8),
    (("Director of Finance", 0.9, False), 4),
    (("VP Customer Service", 0.9, False), 3),
    (("Operations Manager", 0.75, False), 14),
    (("IT Manager", 0.7, True), 8),
    (("Project Manager", 0.6, False), 7),
    (("Team Lead Back Office", 0.6, False), 5),
    (("Process Analyst", 0.45, False), 8),
    (("Software Engineer", 0.4, True), 10),
    (("Solutions Architect", 0.5, True), 4),
    (("Office Assistant", 0.25, False), 5),
    (("Working Student", 0.05, False), 5),
)
TITLES_OF_PRIVATE_PEOPLE = (
    (("Student", 0.0, False), 46),
    (("Freelance Developer", 0.2, True), 18),
    (("Consultant", 0.25, False), 16),
    (("", 0.1, False), 20),
)
_STEMS = (
    "Nordhaf Alder Kest Brindle Ostwind Farrow Lumen Hartwell Quill Rivermark Tannen Velo Merid Corvin Stellar "
    "Oakham Pell Wester Ion Halden Marlow Ferro Solvang Trellis Umbra Arden Bexley Calder Dunmore Elstra Fenwick "
    "Garnet Hollis Ivers Jasper Kinver Lorne Milford Norvik Orrin"
).split()
_TRADES = (
    "Logistics Systems Foods Textiles Partners Machines Energy Freight Labs Health Retail Studio Works Media "
    "Instruments Supply Consulting Mobility Packaging Software"
).split()


def company(random: Random) -> tuple[str, str]:
    """A name and its domain: ("Alder Freight", "alder-freight.example")."""
    stem, trade = random.choice(_STEMS), random.choice(_TRADES)
    name = f"{stem} & {random.choice(_STEMS)} {trade}" if random.random() < 0.35 else f"{stem} {trade}"
    return name, f"{plain(name.replace('& ', ''))}.example"


def person(random: Random, country: Country) -> tuple[str, str]:
    return random.choice(country.first), random.choice(country.last)


def address(first: str, last: str, number: int, domain: str | None) -> str:
    """One's own in any company; the number keeps two people of one name apart."""
    if domain is None:
        return f"{plain(first)}-{plain(last)}-{number}@gmail.com"
    return f"{plain(first)}.{plain(last)}{number % 100 or ''}@{domain}"


def plain(text: str) -> str:
    """The text in lower-case ASCII, with hyphens for spaces."""
    spelt = text.lower().replace("ü", "ue").replace("ö", "oe").replace("ł", "l")
    decomposed = unicodedata.normalize("NFKD", spelt)
    return "".join(char for char in decomposed if char.isascii()).replace(" ", "-")
