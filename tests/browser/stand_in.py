"""What the worker will publish, made by one ffmpeg command and by hand."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.browser.film import CUES, LANGUAGES, RATE, SECONDS, film
from tests.media import program

HEIGHTS = (360, 180)
AUDIO_RATE = 48000


async def published(tmp_path: Path) -> Mapping[str, bytes]:
    """Return every object of a published film by its name below the attempt's prefix."""
    source, out = await film(tmp_path), tmp_path / "published"
    for name in (*(f"v{height}" for height in HEIGHTS), "a1", "a2", "s1"):
        (out / "stream" / name).mkdir(parents=True)
    (out / "storyboard").mkdir()
    await asyncio.to_thread(subprocess.run, _command(source), check=True, cwd=out)
    (out / "stream/s1/subtitles.vtt").write_text(_subtitles())
    (out / "stream/s1/index.m3u8").write_text(_whole("subtitles.vtt"))
    (out / "storyboard.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:16.000\nstoryboard/00001.jpg#xywh=0,0,160,90\n")
    for height in HEIGHTS:
        folder = out / f"stream/v{height}"
        (folder / "iframes.m3u8").write_text(_keyframes(folder))
    (out / "master.m3u8").write_text(_multivariant(out))
    (out / "manifest.mpd").write_text(_mpd(out))
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def _command(source: Path) -> list[str]:
    command = [program("ffmpeg"), "-nostdin", "-loglevel", "error", "-y", "-i", str(source)]
    for height in HEIGHTS:
        command += ["-map", "0:v", "-vf", f"scale=-2:{height}", *_VIDEO, *_segments(f"stream/v{height}")]
    for track in (1, 2):
        command += ["-map", f"0:a:{track - 1}", "-c:a", "aac", "-b:a", "96k", *_segments(f"stream/a{track}")]
    command += ["-map", "0:v", "-map", "0:a:0", *_VIDEO, "-c:a", "aac", "-movflags", "+faststart", "video.mp4"]
    command += ["-map", "0:a:0", "-c:a", "aac", "-movflags", "+faststart", "audio.m4a"]
    command += ["-map", "0:v", "-frames:v", "1", "-update", "1", "poster.jpg"]
    tiles = "fps=1/2,scale=160:90,tile=4x2"
    return [*command, "-map", "0:v", "-vf", tiles, "-frames:v", "1", "storyboard/%05d.jpg"]


_VIDEO = ("-c:v", "libx264", "-preset", "veryfast", "-force_key_frames", "expr:gte(t,n_forced*2)", "-sc_threshold", "0")


# Media Source Extensions know no edit lists: without +cmaf, which writes none, the picture would be two frames late.
_MOVFLAGS = "movflags=+cmaf"


def _segments(folder: str) -> tuple[str, ...]:
    return (
        *("-f", "hls", "-hls_time", "6", "-hls_playlist_type", "vod", "-start_number", "1"),
        *("-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "init.mp4"),
        *("-hls_segment_options", _MOVFLAGS),
        *("-hls_segment_filename", f"{folder}/%05d.m4s", f"{folder}/index.m3u8"),
    )


def _durations(folder: Path) -> list[float]:
    return [float(seconds) for seconds in re.findall(r"EXTINF:([\d.]+)", (folder / "index.m3u8").read_text())]


def _subtitles() -> str:
    cues = (f"{start} --> {end}\n{text}\n".replace(",", ".") for start, end, text in CUES)
    return "\n".join(("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n", *cues))


def _whole(name: str) -> str:
    head = f"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{SECONDS}\n#EXT-X-PLAYLIST-TYPE:VOD\n"
    return f"{head}#EXTINF:{SECONDS}.0,\n{name}\n#EXT-X-ENDLIST\n"


def _keyframes(folder: Path) -> str:
    """List the first keyframe of every segment, with the range of its bytes."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:7", "#EXT-X-PLAYLIST-TYPE:VOD"]
    lines += ["#EXT-X-I-FRAMES-ONLY", '#EXT-X-MAP:URI="init.mp4"']
    for number, seconds in enumerate(_durations(folder), 1):
        body = (folder / f"{number:05d}.m4s").read_bytes()
        length = body.find(b"mdat") + 4 + 4000
        lines += [f"#EXTINF:{seconds},", f"#EXT-X-BYTERANGE:{length}@0", f"{number:05d}.m4s"]
    return "\n".join((*lines, "#EXT-X-ENDLIST", ""))


def _bits(folder: Path) -> int:
    return max(
        int(path.stat().st_size * 8 / seconds)
        for path, seconds in zip(sorted(folder.glob("*.m4s")), _durations(folder), strict=True)
    )


def _multivariant(out: Path) -> str:
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for track, language in enumerate(LANGUAGES, 1):
        default = "YES" if track == 1 else "NO"
        attributes = f'LANGUAGE="{language[:2]}",NAME="{language}",DEFAULT={default},AUTOSELECT=YES,CHANNELS="2"'
        lines.append(f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",{attributes},URI="stream/a{track}/index.m3u8"')
    attributes = 'LANGUAGE="en",NAME="English",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO'
    lines.append(f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text",{attributes},URI="stream/s1/index.m3u8"')
    audio = _bits(out / "stream/a1")
    for height in HEIGHTS:
        bits, width = _bits(out / f"stream/v{height}"), height * 16 // 9
        picture = f'CODECS="{_avc(out, height)},mp4a.40.2",RESOLUTION={width}x{height},FRAME-RATE={RATE}.000'
        lines += [
            f'#EXT-X-STREAM-INF:BANDWIDTH={bits + audio},{picture},AUDIO="audio",SUBTITLES="text"',
            f"stream/v{height}/index.m3u8",
        ]
    lines += [
        f'#EXT-X-STREAM-INF:BANDWIDTH={audio},CODECS="mp4a.40.2",AUDIO="audio",SUBTITLES="text"',
        "stream/a1/index.m3u8",
    ]
    for height in HEIGHTS:
        bits, size = _bits(out / f"stream/v{height}"), f"{height * 16 // 9}x{height}"
        lines.append(
            f'#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={bits},CODECS="{_avc(out, height)}",RESOLUTION={size},'
            f'URI="stream/v{height}/iframes.m3u8"'
        )
    return "\n".join((*lines, ""))


def _avc(out: Path, height: int) -> str:
    init = (out / f"stream/v{height}/init.mp4").read_bytes()
    at = init.find(b"avcC") + 5
    return f"avc1.{init[at : at + 3].hex()}"


def _mpd(out: Path) -> str:
    # As long as the longest track: before the end of a longer one, dash.js may pause for good.
    longest = max(sum(_durations(playlist.parent)) for playlist in out.glob("stream/*/index.m3u8"))
    sets = [_adaptation(out, "video", [_representation(out, height) for height in HEIGHTS], f"v{HEIGHTS[0]}", RATE)]
    for track, language in enumerate(LANGUAGES, 1):
        bits = _bits(out / f"stream/a{track}")
        sound = (
            f'<Representation id="a{track}" bandwidth="{bits}" codecs="mp4a.40.2" audioSamplingRate="{AUDIO_RATE}"/>'
        )
        sets.append(_adaptation(out, "audio", [sound], f"a{track}", AUDIO_RATE, f' lang="{language[:2]}"'))
    text = (
        '<AdaptationSet contentType="text" mimeType="text/vtt" lang="en"><Role schemeIdUri="urn:mpeg:dash:role:2011" '
        'value="subtitle"/><Representation id="s1" bandwidth="256"><BaseURL>stream/s1/subtitles.vtt</BaseURL>'
        "</Representation></AdaptationSet>"
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" '
        'profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static" minBufferTime="PT6S" '
        f'mediaPresentationDuration="PT{longest:.6f}S"><Period id="0" start="PT0S">{"".join(sets)}{text}</Period>'
        "</MPD>\n"
    )


def _representation(out: Path, height: int) -> str:
    bits = _bits(out / f"stream/v{height}")
    size = f'width="{height * 16 // 9}" height="{height}" frameRate="{RATE}" sar="1:1"'
    return f'<Representation id="v{height}" bandwidth="{bits}" codecs="{_avc(out, height)}" {size}/>'


def _adaptation(out: Path, kind: str, members: list[str], folder: str, timescale: int, more: str = "") -> str:
    line = "".join(f'<S d="{round(seconds * timescale)}"/>' for seconds in _durations(out / "stream" / folder))
    template = (
        f'<SegmentTemplate timescale="{timescale}" startNumber="1" initialization="stream/$RepresentationID$/init.mp4" '
        f'media="stream/$RepresentationID$/$Number%05d$.m4s"><SegmentTimeline>{line}</SegmentTimeline></SegmentTemplate>'
    )
    opening = (
        f'<AdaptationSet contentType="{kind}" mimeType="{kind}/mp4" segmentAlignment="true" startWithSAP="1"{more}>'
    )
    return f"{opening}{template}{''.join(members)}</AdaptationSet>"
