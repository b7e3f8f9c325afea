"""What a folder's entries come to: the same for the same objects, and for no others."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidctl.folders import Entry, fold

# Few letters, and those that a careless form would take for its own: listings that nearly collide are drawn often.
WORDS = st.text(st.sampled_from('ab0,:"\\[]\n/ é'), max_size=4)
ENTRIES = st.builds(Entry, name=WORDS | st.text(), size_bytes=st.integers(0, 120), etag=WORDS)
LISTINGS = st.lists(ENTRIES, unique_by=lambda entry: entry.name, max_size=5)
FILLED = LISTINGS.filter(bool)


@given(LISTINGS, st.randoms())
def test_the_order_in_which_objects_were_written_does_not_matter(listing: list[Entry], random: Random) -> None:
    shuffled = list(listing)
    random.shuffle(shuffled)
    assert fold(shuffled) == fold(listing)


@given(LISTINGS, LISTINGS)
def test_two_listings_have_one_digest_only_if_they_are_the_same(one: list[Entry], other: list[Entry]) -> None:
    assert (fold(one).sha256 == fold(other).sha256) == (set(one) == set(other))


@given(FILLED, st.data())
@pytest.mark.parametrize("field", ["name", "size_bytes", "etag"])
def test_any_change_of_an_entry_changes_the_digest(field: str, listing: list[Entry], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(listing) - 1))
    change = {"size_bytes": listing[at].size_bytes + 1} if field == "size_bytes" else {field: data.draw(WORDS)}
    changed = [*listing[:at], replace(listing[at], **change), *listing[at + 1 :]]
    assert (fold(changed).sha256 == fold(listing).sha256) == (set(changed) == set(listing))


@given(FILLED, st.data())
def test_an_object_more_or_less_changes_digest_and_number(listing: list[Entry], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(listing) - 1))
    fewer = fold(listing[:at] + listing[at + 1 :])
    assert fewer.sha256 != fold(listing).sha256
    assert fewer.objects == fold(listing).objects - 1


def test_text_that_moves_from_one_field_or_entry_to_another_changes_the_digest() -> None:
    def entry(name: str, size_bytes: int, etag: str) -> Entry:
        return Entry(name=name, size_bytes=size_bytes, etag=etag)

    alike = [
        [entry("a1", 1, "e")],
        [entry("a", 11, "e")],
        [entry("a", 1, "1e")],
        [entry('a",1,"e"]\n["b', 2, "f")],
        [entry("a", 1, "e"), entry("b", 2, "f")],
        [entry("a", 2, "e"), entry("b", 1, "f")],
        [entry("a", 1, "f"), entry("b", 2, "e")],
    ]
    assert len({fold(listing).sha256 for listing in alike}) == len(alike)


def test_halves_of_a_character_are_not_the_character() -> None:
    digests = {fold([Entry(name=name, size_bytes=1, etag="e")]).sha256 for name in ("\ud83d\ude00", "\U0001f600")}
    assert len(digests) == 2


def test_the_form_stands_in_manifests_and_is_what_it_was() -> None:
    listing = [Entry(name="v720/é.m4s", size_bytes=7, etag="e-2"), Entry(name="a1/init.mp4", size_bytes=5, etag="d")]
    written = '["a1/init.mp4",5,"d"]\n["v720/é.m4s",7,"e-2"]\n'
    folded = fold(listing)
    assert folded.sha256 == hashlib.sha256(written.encode()).hexdigest()
    assert (folded.objects, folded.size_bytes) == (2, 12)
    assert fold([]).objects == 0
