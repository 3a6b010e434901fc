"""Addresses and numbers as people type them, checked and written in one form.

References: RFC 5321 section 4.1.2 (mailbox), ITU-T E.164 (numbers).
"""

from __future__ import annotations

import unicodedata

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import NumberParseException, PhoneNumberType

from dose.errors import DoseError

LONGEST = 254  # RFC 5321 4.5.3.1.3: a path of 256 with its brackets
# Hospitals write to `.local` and to bare hosts, which the library refuses: it is shown them as part of a public name.
_PUBLIC = ".org"
_UNREACHABLE = {
    PhoneNumberType.FIXED_LINE: "fixed-line",
    PhoneNumberType.TOLL_FREE: "toll-free",
    PhoneNumberType.PREMIUM_RATE: "premium-rate",
    PhoneNumberType.SHARED_COST: "shared-cost",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "company-number",
    PhoneNumberType.VOICEMAIL: "voicemail",
}


class WrongAddress(DoseError):
    """The address or number cannot be used.

    `code` says why (`empty`, `too-long`, `control-character`, `not-an-address`, `not-ascii`, `not-a-number`,
    `letters`, `extension`, `no-country`, `impossible`, `fixed-line`, …); what was typed is not repeated.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def email_address(typed: str) -> str:
    """The address in ASCII: the domain lower-case and in IDNA; hospital-internal domains are allowed.

    A local part outside ASCII is refused: most servers cannot deliver it (RFC 6531), and it would be lost silently.

    Raises
    ------
    WrongAddress
        With the reason.
    """
    text = _bare(typed)
    try:
        found = validate_email(text + _PUBLIC, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError:
        raise WrongAddress("not-ascii" if _foreign_local_part(text) else "not-an-address") from None
    if found.ascii_email is None:
        raise WrongAddress("not-ascii")
    return found.ascii_email.removesuffix(_PUBLIC)


def phone_number(typed: str, country: str | None = None) -> str:
    """The number in E.164 (`+212612345678`), when a text message can reach it.

    Parameters
    ----------
    typed
        As written by people: blanks, dashes, brackets, Arabic digits; with + or 00, or national.
    country
        ISO 3166 code of a national number; None: it must start with + or 00.

    Raises
    ------
    WrongAddress
        With the reason.
    """
    text = _bare(typed)
    if any(letter.isalpha() for letter in text) and "ext" not in text.lower():
        raise WrongAddress("letters")  # the library would read 0800-CALL-NOW as digits
    number = _parsed("+" + text[2:] if text.startswith("00") else text, country)
    if number.extension:
        raise WrongAddress("extension")
    if not phonenumbers.is_valid_number(number):
        raise WrongAddress("impossible")
    if kind := _UNREACHABLE.get(phonenumbers.number_type(number)):
        raise WrongAddress(kind)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _parsed(text: str, country: str | None) -> phonenumbers.PhoneNumber:
    try:
        return phonenumbers.parse(text, country)
    except NumberParseException as error:
        missing = error.error_type == NumberParseException.INVALID_COUNTRY_CODE and not country
        raise WrongAddress("no-country" if missing and not text.startswith("+") else "not-a-number") from None


def _bare(typed: str) -> str:
    """Without what cannot be seen: blanks around it and the direction marks that come along from Arabic pages."""
    text = "".join(letter for letter in typed if unicodedata.category(letter) != "Cf").strip()
    if not text:
        raise WrongAddress("empty")
    if len(text) > LONGEST:
        raise WrongAddress("too-long")
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in text):
        raise WrongAddress("control-character")
    return text


def _foreign_local_part(text: str) -> bool:
    local, at, _ = text.rpartition("@")
    return bool(at) and not local.isascii()
