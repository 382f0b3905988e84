import pytest

from leads import addresses
from leads.domains import company_domain


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Ada@Acme.COM", "ada@acme.com"),
        ("  ada@acme.com\n", "ada@acme.com"),
        ("ada+news@acme.com", "ada+news@acme.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
    ],
)
def test_one_person_has_one_spelling(written, normal):
    assert addresses.read(written).normal == normal


@pytest.mark.parametrize(
    "bad",
    ["", "   ", "ada", "@acme.com", "ada@", "ada@acme", "a b@acme.com", "ada@acme.com\r\nBcc: x@y.com", "ada@-.com",
     "ada@☃️‍.com", "a" * 250 + "@acme.com", None, 5, ["a@b.com"], "ada\0@acme.com", "ada@[127.0.0.1]"],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_words(bad):
    with pytest.raises(addresses.AddressError) as refused:
        addresses.read(bad)
    assert str(refused.value).endswith(".")


def test_the_hash_depends_on_the_key_and_on_nothing_else():
    one = addresses.address_hash("ada@acme.com", "key")
    assert one == addresses.address_hash("ada@acme.com", "key")
    assert one != addresses.address_hash("ada@acme.com", "other")
    assert len(one) == 32


@pytest.mark.parametrize(
    ("domain", "account"),
    [("acme.com", "acme.com"), ("gmail.com", None), ("web.de", None), ("mailinator.com", None), ("", None)],
)
def test_free_mail_makes_no_account(domain, account):
    assert company_domain(domain) == account
