"""Judges phone numbers by libphonenumber's Python port, as an oracle that shares no code with the gateway.

Prints a line a number: number, verdict, country, type, separated by tabs. The verdict is `accept` or `refuse`. Country and
type are `-` where no assigned range holds the number, or where the number is refused.

Usage: judge.py examples       the example numbers of all regions and types, and spellings of them that must be refused
       judge.py random COUNT   numbers made of random digits, reproducible
"""

import random
import sys

import phonenumbers as p
from phonenumbers import NumberParseException, PhoneNumberType, ValidationResult

TYPES = {
    PhoneNumberType.FIXED_LINE: "fixed_line",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_line_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium_rate",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal_number",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.VOICEMAIL: "voicemail",
    PhoneNumberType.UNKNOWN: "-",
}
# Calling codes that ITU-T E.164 assigns to one kind of service. The library knows some of them by other types.
SERVICES = {808: "shared_cost", 870: "satellite", 881: "satellite", 882: "satellite", 883: "satellite",
            878: "personal_number", 979: "premium_rate"}


def judge(text):
    try:
        number = p.parse(text)
    except NumberParseException:
        return "refuse", "-", "-"
    e164 = p.format_number(number, p.PhoneNumberFormat.E164)
    digits = len(text) - 1
    possible = p.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
    if not possible or e164 != text or not 7 <= digits <= 15:
        return "refuse", "-", "-"
    region = p.region_code_for_number(number)
    valid = region is not None and p.number_type(number) != PhoneNumberType.UNKNOWN
    shared = len(p.region_codes_for_country_code(number.country_code)) > 1
    country = region if region not in (None, "001") and (valid or shared) else "-"
    kind = SERVICES.get(number.country_code, TYPES[p.number_type(number)])
    return "accept", country, kind


def examples():
    for code, regions in sorted(p.COUNTRY_CODE_TO_REGION_CODE.items()):
        for region in regions:
            found = {}
            for kind in TYPES:
                number = p.example_number_for_type(region, kind) if region != "001" else None
                if number:
                    found.setdefault(p.format_number(number, p.PhoneNumberFormat.E164), number)
            if region == "001":
                number = p.example_number_for_non_geo_entity(code)
                found[p.format_number(number, p.PhoneNumberFormat.E164)] = number
            for e164, number in found.items():
                yield e164
                national = e164[1 + len(str(code)):]
                prefix = p.ndd_prefix_for_region(region, True) if region != "001" else None
                if prefix:
                    yield f"+{code}{prefix}{national}"
                yield f"+{code}{national[-7:]}"


def at_random(count):
    numbers, draw = list(dict.fromkeys(examples())), random.Random(20261126)
    for _ in range(count):
        text = draw.choice(numbers)
        at = draw.randrange(1, len(text))
        match draw.randrange(4):
            case 0:
                text = text[:at] + draw.choice("0123456789") + text[at + 1:]
            case 1:
                text = text[:at] + draw.choice("0123456789") + text[at:]
            case 2:
                text = text[:at] + text[at + 1:]
            case 3:
                text = text[:at] + "".join(draw.choice("0123456789") for _ in text[at:])
        yield text


numbers = examples() if sys.argv[1] == "examples" else at_random(int(sys.argv[2]))
for number in dict.fromkeys(numbers):
    print(number, *judge(number), sep="\t")
