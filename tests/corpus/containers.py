"""How the same video can be laid out in a file."""

from __future__ import annotations

from tests.corpus import atoms
from tests.corpus.intent import Input, Published, Refused
from tests.corpus.recipe import AAC, BOTH, X264, altered, copied, film, lavfi, picture, tone

_KEY = "00112233445566778899aabbccddeeff"
_ENCRYPTED = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", _KEY, "-encryption_kid", _KEY)

INPUTS = (
    Input(
        name="good",
        special="nothing: H.264 and AAC as ffmpeg writes them, the index last",
        recipe=film(*BOTH, *X264, *AAC),
        intent=Published(),
    ),
    Input(
        name="long",
        special="long enough that something can happen in the middle",
        recipe=film(*lavfi(picture("320x180", seconds=20), tone(20)), *X264, *AAC),
        intent=Published(size=(320, 180), seconds=20, frames=600),
    ),
    Input(
        name="fast_start",
        special="the index first",
        recipe=film(*BOTH, *X264, *AAC, "-movflags", "+faststart"),
        intent=Published(),
    ),
    Input(
        name="fragmented",
        special="fragments, and an index that names no duration",
        recipe=film(*BOTH, *X264, *AAC, "-movflags", "frag_keyframe+empty_moov"),
        intent=Published(),
    ),
    Input(
        name="fragmented_without_end",
        special="fragments without the trailer, as a recorder leaves them that lost its power between two",
        recipe=copied("good", "-movflags", "frag_keyframe+empty_moov+skip_trailer"),
        intent=Published(),
    ),
    Input(
        name="fragmented_with_sidx",
        special="fragments with a segment index before them (DASH on demand)",
        recipe=copied("good", "-movflags", "+dash+global_sidx"),
        intent=Published(),
    ),
    Input(
        name="fragment_per_frame",
        special="a fragment for each frame",
        recipe=copied("good", "-movflags", "frag_every_frame+empty_moov"),
        intent=Published(),
    ),
    Input(
        name="hybrid",
        special="written in fragments and turned into a plain file at the end (OBS)",
        recipe=copied("good", "-movflags", "hybrid_fragmented"),
        intent=Published(),
    ),
    Input(
        name="media_of_64_bits",
        special="the length of mdat in 64 bits, as of files beyond 4 GiB",
        recipe=altered("good", atoms.wide_media),
        intent=Published(),
    ),
    Input(
        name="offsets_of_64_bits",
        special="co64 in place of stco",
        recipe=altered("good", atoms.wide_offsets),
        intent=Published(),
    ),
    Input(
        name="media_to_the_end",
        special="mdat has the length 0: it goes to the end of the file",
        recipe=altered("fast_start", atoms.endless_media),
        intent=Published(),
    ),
    Input(
        name="quicktime",
        special="a QuickTime movie that was given another suffix",
        recipe=film(*BOTH, *X264, "-c:a", "pcm_s16le", "-f", "mov"),
        intent=Published(),
    ),
    Input(
        name="old_quicktime",
        special="no ftyp, as before QuickTime 6",
        recipe=altered("good", lambda body: atoms.renamed(body, "ftyp", b"wide")),
        intent=Published(),
    ),
    Input(
        name="three_gp",
        special="3GPP with H.263, of a telephone of 2004",
        recipe=film(*lavfi(picture("176x144"), tone(rate=8000)), "-c:v", "h263", *AAC, "-f", "3gp"),
        intent=Published(size=(176, 144)),
    ),
    Input(
        name="trailing_junk",
        special="bytes behind the last box that are none",
        recipe=altered("good", lambda body: body + b"\xff\x13junk" * 50),
        intent=Published(),
    ),
    Input(
        name="padded",
        special="a megabyte of free space before the index",
        recipe=altered("good", lambda body: _before_index(body, atoms.atom(b"free", bytes(10**6)))),
        intent=Published(),
    ),
    Input(
        name="unknown_box",
        special="a box that nobody knows, before the index",
        recipe=altered("good", lambda body: _before_index(body, atoms.atom(b"zzzz", b"?" * 99))),
        intent=Published(),
    ),
    Input(
        name="named",
        special="metadata says where and by whom it was made, which must not be published",
        recipe=film(*BOTH, *X264, *AAC, "-metadata", "title=at home", "-metadata", "location=+48.1+011.5/"),
        intent=Published(),
    ),
    Input(
        name="encrypted",
        special="common encryption (cenc), without the key",
        recipe=film(*BOTH, *X264, *AAC, *_ENCRYPTED),
        intent=Refused(code="encrypted", why="without the key it cannot be decoded, and a person has to know that"),
    ),
)


def _before_index(body: bytes, box: bytes) -> bytes:
    at = atoms.find(body, "moov").start
    return body[:at] + box + body[at:]
