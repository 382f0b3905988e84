"""What the domain itself says, without asking anybody: a name, a country by its ending, a kind. Nothing is invented."""

from leads.domains import company_domain
from leads.enrichment.contract import CompanyFacts

# Second level under a country: acme.co.uk, acme.com.au.
_SECOND_LEVEL = frozenset("ac co com edu gob gouv gov ltd mil net nhs nom or org plc sch".split())
_KINDS = {
    "edu": "education", "ac": "education", "sch": "education", "gov": "government", "gob": "government",
    "gouv": "government", "mil": "government", "nhs": "government", "org": "nonprofit", "museum": "nonprofit",
}  # fmt: skip
# Endings of countries; those that everybody uses for their sound (.io, .ai, .co, .me, .tv, .ly …) say nothing.
_COUNTRIES = dict(
    pair.split("=")
    for pair in """
    at=AT au=AU be=BE bg=BG br=BR ca=CA ch=CH cl=CL cn=CN cy=CY cz=CZ de=DE dk=DK ee=EE es=ES fi=FI fr=FR gr=GR hk=HK
    hr=HR hu=HU id=ID ie=IE il=IL in=IN is=IS it=IT jp=JP ke=KE kr=KR li=LI lt=LT lu=LU lv=LV ma=MA mt=MT mx=MX my=MY
    ng=NG nl=NL no=NO nz=NZ pe=PE ph=PH pk=PK pl=PL pt=PT ro=RO rs=RS ru=RU sa=SA se=SE sg=SG si=SI sk=SK th=TH tr=TR
    tw=TW ua=UA ae=AE ar=AR uk=GB us=US uy=UY ve=VE vn=VN za=ZA eg=EG ec=EC cr=CR do=DO gt=GT tn=TN
    """.split()
)


class Offline:
    """The provider that is always there."""

    slug = "offline"

    def look_up(self, domain: str) -> CompanyFacts | None:
        if company_domain(domain) is None:
            return None
        labels = domain.lower().split(".")
        if len(labels) < 2 or not all(labels):
            return None
        ending = labels.pop()
        second = labels.pop() if len(labels) > 1 and len(ending) == 2 and labels[-1] in _SECOND_LEVEL else ""
        kind = _KINDS.get(second or ending, "")
        return CompanyFacts(
            name=_name(labels[-1]), country=_COUNTRIES.get(ending, ""), facts={"kind": kind} if kind else {}
        )


def _name(label: str) -> str:
    """“blue-ocean” is Blue Ocean; what is short enough to be an abbreviation is written as one: “ibm” is IBM.

    A label in another script (xn--…) says nothing that people could read.
    """
    if label.startswith("xn--") or label.isdecimal():
        return ""
    words = [word for word in label.replace("_", "-").split("-") if word]
    return " ".join(word.upper() if len(word) <= 3 else word.capitalize() for word in words)
