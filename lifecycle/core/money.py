"""Amounts of money as programs send them, made exact. Pure: no rates, no sums over currencies."""

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

# ISO 4217, the currencies that are in use.
CURRENCIES = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
    CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR
    ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT
    MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD
    SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES
    VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()
)
_WHOLE = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())
_THOUSANDTHS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
# ISO 4217's own code for no currency at all.
NONE = "XXX"
# As fine as an amount is ever kept, for one whose currency is not known yet.
FINEST = 3
TOO_MUCH = Decimal(10) ** 12
_PLAIN = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,30})?")
_THOUSANDS = re.compile(r"(?<=[0-9])[ '_\u00a0\u202f](?=[0-9]{3})")


def digits(currency: str) -> int:
    """Decimal places of a currency's minor unit: EUR 2, JPY 0, KWD 3; unknown ones as fine as any."""
    if currency in _WHOLE:
        return 0
    return FINEST if not currency or currency in _THOUSANDTHS else 2


def read_currency(value: object) -> str | None:
    """The code in capitals; "" when none is given, None for what is no currency of ISO 4217."""
    if value is None or value == "":
        return ""
    code = value.strip().upper() if isinstance(value, str) else ""
    return code if code in CURRENCIES else None


def read_amount(value: object) -> Decimal | None:
    """An amount in the main unit: 99, 99.5, "99.50", "1 234.50", "1,234.50", "1.234,50"; None if it does not read.

    A float is what it prints as, so 0.1 is a tenth. NaN, infinity, a trillion and more, and texts that could mean two
    amounts ("1,234") are refused. Negative ones read; who wants none refuses them.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    text = value.strip() if isinstance(value, str) else format_plain(value)
    if text is None or len(text) > 60:
        return None
    text = _with_a_point(_THOUSANDS.sub("", text))
    if not _PLAIN.fullmatch(text):
        return None
    amount = Decimal(text)
    return amount if abs(amount) < TOO_MUCH else None


def rounded(amount: Decimal, currency: str) -> Decimal:
    """To the currency's minor unit, halves away from zero."""
    return amount.quantize(Decimal(1).scaleb(-digits(currency)), rounding=ROUND_HALF_UP)


def written(amount: Decimal | None, currency: str) -> str:
    """As people read it: “1,188.00 EUR”; a dash for an amount that nobody told."""
    return "–" if amount is None else f"{rounded(amount, currency):,f} {currency}".strip()


def to_minor(amount: Decimal, currency: str) -> int:
    """In minor units: 99.00 EUR is 9900."""
    return int(rounded(amount, currency).scaleb(digits(currency)))


def from_minor(minor: int, currency: str) -> Decimal:
    """Back to the main unit, with all its decimal places."""
    return Decimal(minor).scaleb(-digits(currency))


def format_plain(value: int | float | Decimal) -> str | None:
    """Without an exponent; None for what is no number, or far too much."""
    try:
        number = Decimal(str(value))
    except (InvalidOperation, ValueError):
        return None
    return f"{number:f}" if number.is_finite() and abs(number.adjusted()) < 40 else None


def _with_a_point(text: str) -> str:
    """Decimal commas and grouping as a plain number; what could be either stays, and does not read."""
    comma, point = text.rfind(","), text.rfind(".")
    if comma < 0:
        return text
    if point < 0:
        return text.replace(",", ".") if re.fullmatch(r"-?[0-9]+,[0-9]{1,2}", text) else text
    if comma < point:
        return text.replace(",", "") if re.fullmatch(r"-?[0-9]{1,3}(,[0-9]{3})+\.[0-9]+", text) else text
    return text.replace(".", "").replace(",", ".") if re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{3})+,[0-9]+", text) else text
