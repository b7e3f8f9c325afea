"""When frames are shown: frame rates, timestamps, edit lists, lengths."""

from __future__ import annotations

from tests.corpus import atoms
from tests.corpus.atoms import Edit
from tests.corpus.intent import Input, Published, Refused
from tests.corpus.recipe import AAC, BOTH, PICTURE, X264, altered, copied, film, lavfi, picture, tone

HOUR = 3600
_SILENT = Published(sounds=(), channels=0)

INPUTS = (
    Input(
        name="uneven_frames",
        special="a variable frame rate: of eleven frames seven are left out",
        recipe=film(*BOTH, "-vf", r"select=lt(mod(n\,11)\,4)", "-fps_mode", "vfr", *X264, *AAC),
        intent=Published(frames=12, seconds=0.9, heard=1.0),
    ),
    Input(
        name="burst",
        special="ten frames within 10 ms, then a still second: a screen recorder",
        recipe=film(
            *lavfi(picture(rate="1000", seconds=2)), "-vf", r"select=lt(mod(n\,1000)\,10)", "-fps_mode", "vfr", *X264
        ),
        intent=Published(frames=20, seconds=1.0, tolerance=0.2, sounds=()),
    ),
    Input(
        name="gap",
        special="a gap of 3 s in the timestamps of the picture",
        recipe=film(*PICTURE, "-vf", r"setpts=PTS+gte(N\,15)*3/TB", "-fps_mode", "vfr", *X264),
        intent=Published(seconds=4.0, sounds=()),
    ),
    Input(
        name="slide_show",
        special="three pictures that stand for seconds",
        recipe=film(*lavfi(picture(rate="1", seconds=9)), "-vf", r"select=not(mod(n\,3))", "-fps_mode", "vfr", *X264),
        intent=Published(frames=3, seconds=8.0, tolerance=1.1, sounds=()),
    ),
    Input(
        name="slow",
        special="one frame a second",
        recipe=film(*lavfi(picture(rate="1", seconds=3)), *X264),
        intent=Published(frames=3, seconds=3.0, sounds=()),
    ),
    Input(
        name="very_slow",
        special="one frame in 10 s",
        recipe=film(*lavfi(picture(rate="1/10", seconds=30)), *X264),
        intent=Published(frames=3, seconds=30.0, sounds=()),
    ),
    Input(
        name="cinema",
        special="24000/1001 frames a second",
        recipe=film(*lavfi(picture(rate="24000/1001"), tone()), *X264, *AAC),
        intent=Published(frames=24),
    ),
    Input(
        name="odd_timescale",
        special="a timescale of which no frame is a whole number of ticks",
        recipe=film(*BOTH, *X264, *AAC, "-video_track_timescale", "1001"),
        intent=Published(),
    ),
    Input(
        name="fast",
        special="240 frames a second: slow motion",
        recipe=film(*lavfi(picture(rate="240")), *X264),
        intent=Published(frames=None, sounds=()),
    ),
    Input(
        name="one_frame",
        special="a single frame",
        recipe=film(*PICTURE, "-frames:v", "1", *X264),
        intent=Published(frames=1, seconds=0.03, sounds=()),
    ),
    Input(
        name="eight_hours",
        special="8 h of black at a frame a second",
        recipe=film(*lavfi(f"color=c=black:s=64x36:r=1:d={8 * HOUR}"), *X264, "-g", "600"),
        intent=Published(size=(64, 36), frames=8 * HOUR, seconds=8 * HOUR, tolerance=2, sounds=()),
    ),
    Input(
        name="thirteen_hours",
        special="longer than is accepted",
        recipe=film(*lavfi(f"color=c=black:s=64x36:r=1/60:d={13 * HOUR}"), *X264),
        intent=Refused(code="over_limits", why="12 h are the limit"),
    ),
    Input(
        name="negative_timestamps",
        special="timestamps from -0.5 s on, which an edit list leaves out",
        recipe=copied("good", "-output_ts_offset", "-0.5", "-avoid_negative_ts", "disabled"),
        intent=Published(frames=15, seconds=0.5),
    ),
    Input(
        name="same_timestamps",
        special="five frames at the same time",
        recipe=altered("no_audio", atoms.timed((10, 512), (5, 0), (15, 512))),
        intent=Published(frames=None, seconds=0.85, tolerance=0.2, sounds=()),
    ),
    Input(
        name="backward_timestamps",
        special="decoding times that go back, as negative durations",
        recipe=altered("no_audio", atoms.timed((10, 512), (1, 2**32 - 1024), (19, 512))),
        intent=Published(frames=None, seconds=0.95, tolerance=0.2, sounds=()),
    ),
    Input(
        name="edit_list",
        special="cut without coding: the edit list leaves out frames before the cut",
        recipe=copied("b_frames", before=("-ss", "0.7")),
        intent=Published(frames=9, seconds=0.3),
    ),
    Input(
        name="edited_end",
        special="an edit list that leaves out the second half",
        recipe=altered("no_audio", atoms.edited(Edit(seconds=0.5))),
        intent=Published(frames=15, seconds=0.5, sounds=()),
    ),
    Input(
        name="edited_middle",
        special="an edit list that leaves out a stretch in the middle",
        recipe=altered("no_audio", atoms.edited(Edit(seconds=0.3), Edit(seconds=0.5, start=0.5))),
        intent=Published(frames=24, seconds=0.8, sounds=()),
    ),
    Input(
        name="edited_order",
        special="an edit list that shows the second half first",
        recipe=altered("no_audio", atoms.edited(Edit(seconds=0.5, start=0.5), Edit(seconds=0.5))),
        intent=_SILENT,
    ),
    Input(
        name="edited_pause",
        special="an edit list that begins with nothing for half a second",
        recipe=altered("no_audio", atoms.edited(Edit(seconds=0.5, start=None), Edit(seconds=1.0))),
        intent=_SILENT,
    ),
    Input(
        name="edited_dwell",
        special="an edit list in which the first frame stands for half a second",
        recipe=altered("no_audio", atoms.edited(Edit(seconds=0.5, rate=0), Edit(seconds=1.0))),
        intent=Published(frames=None, seconds=1.5, sounds=()),
    ),
    Input(
        name="edited_beyond",
        special="an edit list that begins after the end of the media",
        recipe=altered("no_audio", atoms.edited(Edit(seconds=1.0, start=50.0))),
        intent=Refused(code="corrupt", why="the file says that nothing of it is to be shown"),
    ),
    Input(
        name="late_video",
        special="the picture begins half a second after the sound",
        recipe=film("-itsoffset", "0.5", *PICTURE, *lavfi(tone(1.5)), *X264, *AAC),
        intent=Published(seconds=1.5),
    ),
    Input(
        name="late_audio",
        special="the sound begins 0.4 s after the picture",
        recipe=film(*PICTURE, "-itsoffset", "0.4", *lavfi(tone(0.6)), *X264, *AAC),
        intent=Published(),
    ),
    Input(
        name="short_audio",
        special="the sound ends long before the picture",
        recipe=film(*PICTURE, *lavfi(tone(0.2)), *X264, *AAC),
        intent=Published(heard=0.2),
    ),
    Input(
        name="long_audio",
        special="the sound goes on for 14 s after the picture",
        recipe=film(*PICTURE, *lavfi(tone(15)), *X264, *AAC, "-max_interleave_delta", "0"),
        intent=Published(heard=15.0),
    ),
    Input(
        name="silent_track",
        special="a sound track without a sample, as recorders of screens write it",
        recipe=film(*PICTURE, *lavfi(f"{tone()},aselect=0"), *X264, *AAC, "-movflags", "frag_keyframe+empty_moov"),
        intent=_SILENT,
    ),
)
