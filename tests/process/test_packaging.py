"""A ladder that the real ffmpeg encodes, cut and published, checked, read back; and every check shown to fire."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import manifests, playlists
from tests.manifests import check_dash
from tests.media import program
from tests.packaging import encode, publish, read, run_ffmpeg
from tests.playlists import check_hls
from vidctl.worker.cmaf.fragments import Fragment, FragmentReader
from vidctl.worker.cmaf.init_segment import parse_init
from vidctl.worker.cmaf.sample_entry import Picture, Sound

FRAMES = 390
"""13 s at 30000/1001 frames a second, rounded up to whole frames."""


@pytest.fixture(scope="session")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("ladder")
    encode(directory)
    return directory


@pytest.fixture(scope="session")
def published(ladder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("published")
    publish(ladder, directory)
    return directory


@pytest.fixture
def spoilt(published: Path, tmp_path: Path) -> Path:
    return shutil.copytree(published, tmp_path / "spoilt")


def test_what_is_published_keeps_every_rule(published: Path) -> None:
    assert [str(violation) for violation in check_hls(published, decode=True)] == []
    assert [str(violation) for violation in check_dash(published)] == []


def test_renditions_are_cut_alike_and_sound_next_to_them(ladder: Path, tmp_path: Path) -> None:
    presentation = publish(ladder, tmp_path)
    cuts = [[segment.end_seconds for segment in video.segments] for video in presentation.videos]
    assert cuts[0] == cuts[1] == cuts[2]
    assert [round(float(cut), 3) for cut in cuts[0]] == [6.006, 12.012, 13.013]
    for audio in presentation.audios:
        assert len(audio.segments) == 3
        gaps = [abs(a.end_seconds - b) for a, b in zip(audio.segments, cuts[0], strict=True)]
        assert max(gaps) < 1


def test_every_byte_of_the_media_is_published(ladder: Path, published: Path) -> None:
    for track in ("v180", "v90", "v44", "a1", "a2"):
        folder, whole = published / "stream" / track, (ladder / f"{track}.mp4").read_bytes()
        parts = [folder / "init.mp4", *sorted(folder.glob("*.m4s"))]
        joined = b"".join(part.read_bytes() for part in parts)
        assert whole.startswith(joined)
        assert whole[len(joined) + 4 :][:4] in {b"", b"mfra"}


def test_ffmpeg_plays_every_frame_of_every_variant(published: Path) -> None:
    for name, frames in (("v180", FRAMES), ("v90", FRAMES), ("v44", FRAMES), ("a1", 610), ("a2", 610)):
        assert counted(published / "stream" / name / "index.m3u8") == {frames}
    shown = counted(published / "master.m3u8")
    assert {FRAMES, 610} <= shown


def test_what_is_read_back_is_what_the_files_hold(ladder: Path) -> None:
    video, fragments = read(ladder / "v180.mp4")
    assert video.picture == Picture(codec=video.picture.codec, width=320, height=180)
    assert re.fullmatch(r"avc1\.[0-9A-F]{6}", video.picture.codec)
    assert (video.timescale, video.shift, fragments[0].start) == (90000, 0, 0)
    assert sum(fragment.samples for fragment in fragments) == FRAMES
    assert all(fragment.sync for fragment in fragments)
    audio, _ = read(ladder / "a1.mp4")
    assert audio.entry == Sound(codec="mp4a.40.2", rate=48000, channels=2)
    # AAC begins with 1024 samples of nothing.
    assert (audio.timescale, audio.shift) == (48000, -1024)


def test_a_file_is_read_while_it_is_written(ladder: Path, tmp_path: Path) -> None:
    whole, fragments = (ladder / "v90.mp4").read_bytes(), read(ladder / "v90.mp4")[1]
    growing = tmp_path / "growing.mp4"
    found: list[Fragment] = []
    with growing.open("wb") as writer, growing.open("rb") as file:
        reader = FragmentReader(file)
        for at in range(0, len(whole), 7919):
            writer.write(whole[at : at + 7919])
            writer.flush()
            found += reader.read(growing.stat().st_size)
        reader.finish(len(whole))
    assert found == fragments


@pytest.mark.parametrize(
    ("arguments", "codec", "channels"),
    [
        (("-c:v", "libx265", "-x265-params", "log-level=error", "-tag:v", "hvc1"), "hvc1.1.6.L30.90", None),
        (("-c:v", "libsvtav1", "-preset", "12"), "av01.0.00M.08", None),
        (("-c:a", "libopus", "-ac", "2"), "Opus", 2),
        (("-c:a", "ac3", "-ac", "6"), "ac-3", 6),
        (("-c:a", "aac", "-ac", "6"), "mp4a.40.2", 6),
    ],
)
def test_other_codecs_are_called_by_their_names(
    arguments: tuple[str, ...], codec: str, channels: int | None, tmp_path: Path
) -> None:
    source = "sine=d=1:r=48000" if channels else "testsrc2=s=64x64:r=25:d=1,format=yuv420p"
    target = tmp_path / "track.mp4"
    flags = ("-movflags", "+cmaf+frag_keyframe+delay_moov+default_base_moof", "-f", "mp4")
    quiet = ("-loglevel", "fatal")
    run_ffmpeg(*quiet, "-f", "lavfi", "-i", source, *arguments, *flags, str(target))
    init, fragments = read(target)
    assert init.entry.codec == codec
    if channels:
        assert init.sound.channels == channels
    assert fragments[0].start + init.shift <= 0


def test_sound_that_starts_late_is_moved_there(ladder: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    shutil.copy(ladder / "v44.mp4", source)
    flags = ("-movflags", "+cmaf+delay_moov+default_base_moof", "-frag_duration", "2000000", "-f", "mp4")
    late = ("-copyts", "-itsoffset", "0.5", "-i", str(ladder / "a1.mp4"))
    run_ffmpeg(*late, "-c", "copy", *flags, str(source / "a1.mp4"))
    init, fragments = read(source / "a1.mp4")
    assert fragments[0].decode == 0
    assert init.delay > 0
    publish(source, target, subtitles=False)
    folder = target / "stream" / "a1"
    head = (folder / "init.mp4").read_bytes()
    assert parse_init(head).delay == 0
    assert playlists.read_segment(head, (folder / "00001.m4s").read_bytes())[0].decode == init.delay
    assert {v.rule for v in check_hls(target)} == {"H22"}
    assert check_dash(target) == []


def counted(path: Path) -> set[int]:
    """Return how many frames each stream decodes to."""
    argv = [program("ffprobe"), "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames"]
    lines = subprocess.check_output([*argv, "-of", "csv=p=0", str(path)], text=True).split()
    return {int(line.strip(",")) for line in lines if line.strip(",").isdecimal()}


def edit(path: str, old: str, new: str, *, count: int = 1) -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        text = (root / path).read_text()
        assert re.search(old, text), f"{old} is not in {path}"
        (root / path).write_text(re.sub(old, new, text, count=count))

    return spoil


def swap(one: str, other: str) -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        first, second = (root / one).read_bytes(), (root / other).read_bytes()
        (root / one).write_bytes(second)
        (root / other).write_bytes(first)

    return spoil


def remove(path: str) -> Callable[[Path], None]:
    return lambda root: (root / path).unlink()


def without_keyframe(root: Path) -> None:
    """Clear the flag of the first sample of a segment, in its fragment's first_sample_flags."""
    path = root / "stream/v180/00002.m4s"
    content = bytearray(path.read_bytes())
    run = content.index(b"trun")
    at = run + 4 + 4 + 4 + 4 if content[run + 7] & 0x4 else content.index(b"tfhd") + 24
    content[at : at + 4] = (0x01010000).to_bytes(4, "big")
    path.write_bytes(content)


def with_damage(root: Path) -> None:
    path = root / "stream/v180/00002.m4s"
    content = bytearray(path.read_bytes())
    at = content.index(b"mdat") + 3000
    content[at : at + 2000] = b"\xa5" * 2000
    path.write_bytes(content)


def cut_short(root: Path) -> None:
    path = root / "stream/v180/00002.m4s"
    path.write_bytes(path.read_bytes()[:-100])


MASTER, MEDIA, KEYFRAMES = "master.m3u8", "stream/v180/index.m3u8", "stream/v180/iframes.m3u8"

_CAPTIONS = '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="captions",NAME="English",INSTREAM-ID="CC5"\n'
BROKEN_HLS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "no_head": ("H1", edit(MEDIA, "#EXTM3U\n", "")),
    "a_quote_in_a_name": ("H2", edit(MASTER, 'NAME="English"', 'NAME="Eng"lish"')),
    "an_attribute_twice": ("H2", edit(MASTER, "CHANNELS=", 'CHANNELS="2",CHANNELS=')),
    "an_old_version": ("H3", edit(MEDIA, "VERSION:7", "VERSION:5")),
    "an_old_master": ("H3", edit(MASTER, "VERSION:7", "VERSION:4")),
    "no_end": ("H4", edit(MEDIA, "#EXT-X-ENDLIST\n", "")),
    "no_type": ("H4", edit(MEDIA, "VOD", "EVENT")),
    "a_low_target": ("H5", edit(MEDIA, "DURATION:6", "DURATION:5")),
    "two_targets": ("H6", edit(MEDIA, "DURATION:6", "DURATION:7")),
    "no_segment": ("H7", remove("stream/v180/00002.m4s")),
    "no_header": ("H7", remove("stream/v180/init.mp4")),
    "no_playlist": ("H7", remove("stream/a2/index.m3u8")),
    "no_subtitles": ("H7", remove("stream/s1/subtitles.vtt")),
    "a_wrong_duration": ("H8", edit(MEDIA, "EXTINF:6.006", "EXTINF:6.004")),
    "a_drift": ("H9", edit(MEDIA, "EXTINF:6.006000", "EXTINF:6.005400", count=2)),
    "no_keyframe": ("H10", without_keyframe),
    "not_independent": ("H10", edit(MEDIA, "#EXT-X-INDEPENDENT-SEGMENTS\n", "")),
    "damage": ("H11", with_damage),
    "a_cut": ("H11", cut_short),
    "a_low_bandwidth": ("H12", edit(MASTER, "BANDWIDTH=[0-9]+", "BANDWIDTH=300000")),
    "a_high_bandwidth": ("H12", edit(MASTER, "BANDWIDTH=[0-9]+", "BANDWIDTH=900000")),
    "a_low_average": ("H13", edit(MASTER, "AVERAGE-BANDWIDTH=[0-9]+", "AVERAGE-BANDWIDTH=300000")),
    "a_high_average": ("H13", edit(MASTER, "AVERAGE-BANDWIDTH=[0-9]+", "AVERAGE-BANDWIDTH=900000")),
    "another_codec": ("H14", edit(MASTER, "avc1[.0-9A-F]+", "avc1.4D401F")),
    "a_codec_too_few": ("H14", edit(MASTER, ",mp4a.40.2", "")),
    "another_size": ("H15", edit(MASTER, "320x180", "320x182")),
    "another_rate": ("H16", edit(MASTER, "FRAME-RATE=29.970", "FRAME-RATE=30.000")),
    "an_imprecise_rate": ("H16", edit(MASTER, "FRAME-RATE=29.970", "FRAME-RATE=29.97")),
    "another_range": ("H17", edit(MASTER, "VIDEO-RANGE=SDR", "VIDEO-RANGE=PQ")),
    "other_cuts": ("H18", edit(MEDIA, "#EXTINF:6.006000,\n00002.m4s\n#EXTINF:1.001000,\n00003.m4s\n", "")),
    "no_group": ("H19", edit(MASTER, 'AUDIO="audio1"', 'AUDIO="audio7"')),
    "no_text_group": ("H19", edit(MASTER, 'SUBTITLES="subtitles"', 'SUBTITLES="other"')),
    "a_name_twice": ("H20", edit(MASTER, "Français", "English")),
    "two_defaults": ("H20", edit(MASTER, "DEFAULT=NO", "DEFAULT=YES")),
    "two_choices": ("H20", edit(MASTER, 'LANGUAGE="fr"', 'LANGUAGE="en"')),
    "a_default_by_hand": ("H20", edit(MASTER, "DEFAULT=YES,AUTOSELECT=YES", "DEFAULT=YES,AUTOSELECT=NO")),
    "captions_in_part": ("H21", edit(MASTER, ",CLOSED-CAPTIONS=NONE", "")),
    "late_sound": ("H22", swap("stream/a1/00001.m4s", "stream/a1/00002.m4s")),
    "a_short_range": ("H23", edit(KEYFRAMES, "BYTERANGE:[0-9]+@", "BYTERANGE:1500@")),
    "a_wrong_range": ("H23", edit(KEYFRAMES, "@0\n", "@8\n")),
    "no_average": ("H24", edit(MASTER, "AVERAGE-BANDWIDTH=[0-9]+,", "")),
    "no_frame_rate": ("H24", edit(MASTER, "FRAME-RATE=29.970,", "")),
    "another_channel": ("H25", edit(MASTER, "#EXT-X-STREAM-INF:", f"{_CAPTIONS}#EXT-X-STREAM-INF:")),
    "captions_that_are_none": ("H26", edit(MASTER, "CLOSED-CAPTIONS=NONE", 'CLOSED-CAPTIONS="captions"')),
}


@pytest.mark.parametrize(("rule", "spoil"), BROKEN_HLS.values(), ids=list(BROKEN_HLS))
def test_a_broken_rule_of_hls_is_named(rule: str, spoil: Callable[[Path], None], spoilt: Path) -> None:
    spoil(spoilt)
    found = check_hls(spoilt, decode=rule == "H11")
    assert rule in {violation.rule for violation in found}, [str(violation) for violation in found]


def test_a_range_that_ends_in_the_picture_decodes_to_none(spoilt: Path) -> None:
    edit(KEYFRAMES, "BYTERANGE:[0-9]+@", "BYTERANGE:1500@")(spoilt)
    assert any("decodes to 0 pictures" in str(violation) for violation in check_hls(spoilt, decode=True))


MPD = "manifest.mpd"

BROKEN_DASH: dict[str, tuple[str, Callable[[Path], None]]] = {
    "no_buffer": ("D1", edit(MPD, ' minBufferTime="[^"]*"', "")),
    "live": ("D1", edit(MPD, 'type="static"', 'type="dynamic"')),
    "no_segment": ("D2", remove("stream/v180/00002.m4s")),
    "no_header": ("D2", remove("stream/a1/init.mp4")),
    "no_text": ("D2", remove("stream/s1/subtitles.vtt")),
    "a_segment_too_few": ("D2", edit(MPD, 'd="540540" r="1"', 'd="540540"')),
    "a_segment_too_many": ("D2", edit(MPD, 'd="540540" r="1"', 'd="540540" r="2"')),
    "a_cut": ("D2", cut_short),
    "another_start": ("D3", edit(MPD, 't="0"', 't="900"')),
    "an_offset": ("D14", edit(MPD, 'startNumber="1"', 'startNumber="1" presentationTimeOffset="1024"')),
    "another_duration": ("D4", edit(MPD, 'd="90090"', 'd="90000"')),
    "another_length": ("D5", edit(MPD, 'mediaPresentationDuration="PT13.013S"', 'mediaPresentationDuration="PT13S"')),
    "another_codec": ("D6", edit(MPD, 'codecs="avc1[^"]*"', 'codecs="avc1.4D401F"')),
    "another_size": ("D7", edit(MPD, 'width="320"', 'width="322"')),
    "another_shape": ("D7", edit(MPD, 'par="16:9"', 'par="4:3"')),
    "other_pixels": ("D7", edit(MPD, 'sar="1:1"', 'sar="4:3"')),
    "another_rate": ("D8", edit(MPD, "30000/1001", "30")),
    "a_low_bandwidth": ("D9", edit(MPD, 'bandwidth="[0-9]+"', 'bandwidth="100000"')),
    "a_high_bandwidth": ("D9", edit(MPD, 'bandwidth="[0-9]+"', 'bandwidth="900000"')),
    "no_keyframe": ("D10", without_keyframe),
    "another_sampling_rate": ("D11", edit(MPD, 'audioSamplingRate="48000"', 'audioSamplingRate="44100"')),
    "another_unit": ("D12", edit(MPD, 'timescale="90000"', 'timescale="1000"')),
    "an_id_twice": ("D13", edit(MPD, 'Representation id="v90"', 'Representation id="v180"')),
}


@pytest.mark.parametrize(("rule", "spoil"), BROKEN_DASH.values(), ids=list(BROKEN_DASH))
def test_a_broken_rule_of_dash_is_named(rule: str, spoil: Callable[[Path], None], spoilt: Path) -> None:
    spoil(spoilt)
    found = check_dash(spoilt)
    assert rule in {violation.rule for violation in found}, [str(violation) for violation in found]


def test_every_rule_is_shown_to_fire() -> None:
    assert {rule for rule, _ in BROKEN_HLS.values()} == set(playlists.RULES)
    assert {rule for rule, _ in BROKEN_DASH.values()} == set(manifests.RULES)
