"""What was a video once: cut, torn, overwritten, or with an index that lies."""

from __future__ import annotations

from tests.corpus import atoms, damage
from tests.corpus.intent import Input, Intent, Published, Refused
from tests.corpus.recipe import altered, chained, copied, film, lavfi, picture

_STBL = "moov/trak/mdia/minf/stbl"
_HALF = Refused(code="corrupt", why="what is missing cannot be made up, and half a video is not what was uploaded")
_ILLEGIBLE = Refused(code="corrupt", why="without the index nothing can be found")
_MUTE = Published(sounds=())
_ANNEX_B = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "15", "-f", "h264")


def _damaged(name: str, special: str, of: str, change: damage.Change, intent: Intent = _HALF) -> Input:
    return Input(name=name, special=special, recipe=altered(of, change), intent=intent)


def _lying(name: str, special: str, path: str, offset: int, factor: float, intent: Intent) -> Input:
    """Return an input, without sound, one number of whose index was multiplied."""

    def change(body: bytes) -> bytes:
        return atoms.numbers(body, path, offset, lambda value: int(value * factor))

    return Input(name=name, special=special, recipe=altered("no_audio", change), intent=intent)


INPUTS = (
    _damaged("cut_moov_first", "the second half is missing, the index is there", "fast_start", damage.cut(0.5)),
    _damaged("cut_moov_last", "the second half is missing, and the index with it", "good", damage.cut(0.5)),
    _damaged("cut_fragments", "cut within a fragment", "fragmented", damage.cut(0.5)),
    _damaged(
        "fragment_missing",
        "one of forty fragments never arrived, and the times of the others say so",
        "long_fragmented",
        damage.without("moof:20", "mdat:20"),
        Published(size=(320, 180), seconds=20, frames=585),
    ),
    _damaged(
        "fragment_torn",
        "the media of two fragments is zeros",
        "long_fragmented",
        damage.zeroed_whole("mdat:20", "mdat:21"),
    ),
    _damaged("cut_after_index", "only the index and 100 bytes are there", "fast_start", damage.cut_in("mdat", 104)),
    _damaged("cut_late", "a tenth is missing", "fast_start", damage.cut(0.9)),
    _damaged("cut_index", "cut within the index", "fast_start", damage.cut_in("moov", 300), _ILLEGIBLE),
    _damaged(
        "cut_index_last",
        "the last ten bytes of the index are missing, in which nothing is said of the media",
        "good",
        damage.shortened(10),
        Published(),
    ),
    _damaged("cut_after_first_box", "nothing but the first box", "good", damage.cut_in("free", 0), _ILLEGIBLE),
    _damaged("no_media", "the index is there, the media is not", "fast_start", damage.without("mdat")),
    _damaged("no_index", "the media is there, the index is not", "good", damage.without("moov"), _ILLEGIBLE),
    _damaged(
        "damaged",
        "a third of the media is overwritten",
        "fast_start",
        damage.overwritten("mdat", start=2000, every=100, length=40),
    ),
    _damaged("torn", "a twelfth in the middle is missing: a hole", "long", damage.zeroed("mdat", 0.46, 0.54)),
    _damaged(
        "zeroed_end", "the second half is zeros, as of a download that went on", "good", damage.zeroed("mdat", 0.5, 1)
    ),
    _damaged("zeroed_media", "all of the media is zeros", "good", damage.zeroed("mdat", 0, 1)),
    _damaged(
        "zeroed_keyframe",
        "the first keyframe is broken, the rest is whole",
        "long",
        damage.zeroed("mdat", 0.0005, 0.002),
        Published(size=(320, 180), seconds=20, tolerance=0.6, frames=None),
    ),
    _damaged(
        "flipped_bits",
        "three bits of the media are wrong",
        "long",
        damage.flipped("mdat", bits=3),
        Published(size=(320, 180), seconds=20, frames=None),
    ),
    _damaged(
        "scrambled_index",
        "the tables of the index are overwritten",
        "good",
        damage.overwritten(_STBL, start=250, every=16, length=6),
        _ILLEGIBLE,
    ),
    Input(
        name="keyframe_missing",
        special="it begins between two keyframes",
        recipe=copied("no_audio", "-bsf:v", r"noise=drop=lt(n\,5)"),
        intent=Published(sounds=(), frames=15, seconds=0.83),
    ),
    Input(
        name="changing_size",
        special="the size of the picture changes in the middle",
        recipe=chained(("annex_b", "annex_b_larger"), "h264"),
        intent=Published(sounds=(), seconds=2.0, frames=60),
    ),
    Input(
        name="changing_colours",
        special="4:2:0 turns to 4:4:4 in the middle",
        recipe=chained(("annex_b", "annex_b_444"), "h264"),
        intent=Published(sounds=(), seconds=2.0, frames=60),
    ),
    _damaged(
        "lasting_sound",
        "the last frame of the sound claims to stand for half a second",
        "good",
        atoms.lasting_sound,
        Published(),
    ),
    _lying("movie_too_long", "the movie's duration is ten times too long", "moov/mvhd", 16, 10, _MUTE),
    _lying("movie_too_short", "the movie's duration is a tenth of the true one", "moov/mvhd", 16, 0.1, _MUTE),
    _lying("movie_of_no_length", "the movie's duration is 0", "moov/mvhd", 16, 0, _MUTE),
    _lying("track_too_long", "the track's duration is ten times too long", "moov/trak/tkhd", 20, 10, _MUTE),
    _lying("track_too_short", "the track's duration is a tenth of the true one", "moov/trak/tkhd", 20, 0.1, _MUTE),
    _lying("media_too_long", "the media's duration is ten times too long", "moov/trak/mdia/mdhd", 16, 10, _MUTE),
    _lying("media_too_short", "the media's duration is a tenth of the true one", "moov/trak/mdia/mdhd", 16, 0.1, _MUTE),
    _lying("endless_movie", "the movie's duration says 14 h", "moov/mvhd", 16, 14 * 3600, _MUTE),
    _lying("more_frames_timed", "stts has times for 900 frames, of 30", f"{_STBL}/stts", 8, 30, _MUTE),
    _lying("fewer_frames_timed", "stts has times for 15 frames, of 30", f"{_STBL}/stts", 8, 0.5, _MUTE),
    _lying(
        "fewer_frames_sized",
        "stsz has the sizes of 15 frames, of 30",
        f"{_STBL}/stsz",
        8,
        0.5,
        Refused(code="corrupt", why="the index contradicts itself, and half of the frames cannot be found"),
    ),
    _damaged("more_frames_sized", "stsz has the sizes of 60 frames, of 30", "no_audio", atoms.more_samples, _MUTE),
    _lying("endless_frames", "stsz says that there are 3,000 million frames", f"{_STBL}/stsz", 8, 10**8, _ILLEGIBLE),
    _damaged(
        "media_elsewhere",
        "its media is in /etc/passwd, it says, though it is here",
        "no_audio",
        atoms.media_elsewhere,
        _MUTE,
    ),
)

PARTS = {
    "long_fragmented": copied("long", "-movflags", "frag_keyframe+empty_moov+default_base_moof"),
    "annex_b": film(*lavfi(picture()), *_ANNEX_B, "-pix_fmt", "yuv420p"),
    "annex_b_larger": film(*lavfi(picture("320x180")), *_ANNEX_B, "-pix_fmt", "yuv420p"),
    "annex_b_444": film(*lavfi(picture()), *_ANNEX_B, "-pix_fmt", "yuv444p"),
}
"""What inputs are made of and that is none itself."""
