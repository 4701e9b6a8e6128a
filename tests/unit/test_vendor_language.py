"""The reference of the language: every key is in it, none that there is not, and its examples are right."""

from __future__ import annotations

import re

import msgspec
import pytest

from pointline.io.decoders.known import DECODERS
from pointline.io.descriptions import language_reference, shipped_vendors
from pointline.services.telling.examples import check_examples
from pointline.tables.registry import event_tables
from pointline.vendors import language
from pointline.vendors.describe import describe
from pointline.vendors.drafts.skeleton import DECODERS as OF_ENDINGS
from pointline.vendors.feeds import Feeds
from pointline.vendors.language import NO_TEXT

REFERENCE = language_reference()
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", REFERENCE, re.MULTILINE | re.DOTALL)
STRUCTS = [
    one
    for one in vars(language).values()
    if isinstance(one, type) and issubclass(one, msgspec.Struct) and one is not msgspec.Struct
]
SECTIONS = re.split(r"^## ", REFERENCE, flags=re.MULTILINE)
TABLES = {
    "The file": {language.VendorText},
    "A feed": {language.FeedText},
    "What columns become": {language.Mapping},
    "Examples": {language.ExampleText},
    "Tables of your own": {language.TableText, language.ColumnText},
    "Files that are known and not read": {language.Unread},
}


def documented(title: str) -> set[str]:
    """The first cells of the tables of keys in the sections that begin so."""
    found = set()
    for section in SECTIONS:
        if section.startswith(title):
            for table in re.findall(r"^\| key.*?\n\n", section + "\n\n", re.MULTILINE | re.DOTALL):
                found |= set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    return found


@pytest.mark.parametrize("title", TABLES)
def test_every_key_is_documented_where_it_belongs_and_no_other(title):
    fields = {field.encode_name for struct in TABLES[title] for field in msgspec.structs.fields(struct)}
    assert documented(title) == fields


def test_no_struct_of_the_language_is_left_out():
    assert set(STRUCTS) == {struct for structs in TABLES.values() for struct in structs}


@pytest.mark.parametrize("text", EXAMPLES, ids=[re.search(r'vendor = "(.*)"', text)[1] for text in EXAMPLES])
def test_its_examples_are_right(text):
    vendor = describe(text.encode(), "example.toml", event_tables())
    assert vendor.problems == ()
    count, problems = check_examples(vendor, Feeds(event_tables(), [vendor], shipped_vendors))
    assert problems == []
    assert count >= len(vendor.descriptions)


def test_every_decoder_of_the_language_is_there():
    assert set(DECODERS) == set(NO_TEXT) == set(OF_ENDINGS.values())


def test_what_ships_is_right():
    feeds = Feeds(event_tables(), [], shipped_vendors)
    assert len(feeds.vendors) > 20
    looked_over = [
        describe(vendor.content, vendor.where, event_tables()) for vendor in feeds.vendors
    ]  # a start trusts it
    assert [problem for vendor in looked_over for problem in vendor.problems] == []
    assert [problem for vendor in feeds.vendors for problem in check_examples(vendor, feeds)[1]] == []
