"""Writes src/domain/phone/metadata.txt from libphonenumber's metadata, as its Python port carries it.

Usage: metadata.py WHEEL, where WHEEL is the file of the package `phonenumbers`. See tests/phone/run.
"""

import importlib
import sys
import zipfile

wheel = sys.argv[1]
sys.path.insert(0, wheel)
phonenumbers = importlib.import_module("phonenumbers")
PhoneMetadata = phonenumbers.PhoneMetadata

TYPES = ["premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail",
         "fixed_line", "mobile"]


def lines(code, region):
    load = PhoneMetadata.metadata_for_nongeo_region if region == "001" else PhoneMetadata.metadata_for_region
    data = load(code if region == "001" else region, None)

    def line(field, pattern, lengths=()):
        return "\t".join([str(code), region, field, ",".join(map(str, lengths)), pattern])

    if data.leading_digits:
        yield line("leading_digits", data.leading_digits)
    yield line("general", data.general_desc.national_number_pattern, data.general_desc.possible_length)
    for field in TYPES:
        desc = getattr(data, field)
        if desc and desc.national_number_pattern:
            yield line(field, desc.national_number_pattern, desc.possible_length)
    if data.national_prefix_for_parsing:
        yield line("national_prefix", data.national_prefix_for_parsing)
    if data.national_prefix_transform_rule:
        yield line("national_prefix_rewrite", data.national_prefix_transform_rule.replace("\\", "$"))


with zipfile.ZipFile(wheel) as archive:
    released = "%04d-%02d-%02d" % max(entry.date_time for entry in archive.infolist())[:3]
print(f"# libphonenumber {phonenumbers.__version__}, released {released}. Made by tests/phone/metadata.py.")
print("# Phone number metadata of https://github.com/google/libphonenumber, Apache License 2.0.")
print("# calling code, region, field, possible lengths, pattern. The main region of a calling code comes first.")
for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
    for region in regions:
        print("\n".join(lines(code, region)))
