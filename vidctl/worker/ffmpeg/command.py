"""Every command line of ffmpeg and ffprobe, whole (P). They work from ffmpeg 5.1 on.

Files from outside are opened as nothing but local MP4s: without the two lists a playlist or a script named ``.mp4``
makes ffmpeg read other files, or the network (CVE-2016-1897).
"""

from __future__ import annotations

from vidctl.worker.recipes import loudness
from vidctl.worker.recipes.ladder import Rendition
from vidctl.worker.recipes.recipe import Recipe, SoundTrack, TextTrack
from vidctl.worker.source.ffprobe import ENTRIES

Command = tuple[str, ...]

TOO_MANY_ERRORS = 69
"""ffmpeg's exit code when more than ``MAX_ERROR_RATE`` of what it decoded was broken."""

MAX_ERROR_RATE = "0.1"

MAX_PIXELS = 8192 * 8192
"""The largest picture that is decoded, whatever the container says: the largest ``max_pixels`` that can be set."""

UNTRUSTED = (
    *("-protocol_whitelist", "file,pipe", "-format_whitelist", "mov,mp4,m4a,3gp,3g2,mj2"),
    *("-max_pixels", str(MAX_PIXELS)),
)
_QUIET = ("-nostdin", "-hide_banner", "-loglevel", "error", "-nostats", "-y")

_TRACK_ENTRIES = "stream=codec_name,width,height,pix_fmt,nb_read_frames"

# The deblocking filter of H.264 and HEVC only reckons with pixels that are decoded already: no error can come of it,
# no bit of the stream is read for it (test_decoding.py), and nobody looks at these pictures. It is a tenth to a fifth
# of decoding.
_COUNTED = ("-count_frames", "-skip_loop_filter", "all")

# Metadata may say where and by whom a video was made.
_BARE = ("-map_metadata", "-1", "-map_chapters", "-1")

_TIMESCALE = "90000"


def inspect(ffprobe: str, path: str) -> Command:
    """Read what a file says of itself, as JSON for ``ffprobe.parse``."""
    return (ffprobe, "-hide_banner", "-loglevel", "error", *UNTRUSTED, "-show_entries", ENTRIES, "-of", "json", path)


def decode(ffprobe: str, path: str) -> Command:
    """Read the same, and decode all of it on every core to count the frames that there are and that can be decoded."""
    program, *rest = inspect(ffprobe, path)
    return (program, "-threads", "0", *_COUNTED, "-count_packets", *rest)


def decode_track(ffprobe: str) -> Command:
    """Decode a file of one track whole, which comes by the standard input; JSON for ``ffprobe.parse_track``."""
    entries = ("-show_entries", _TRACK_ENTRIES, "-of", "json")
    # One thread keeps up with an encoder, and threads cost a tenth more.
    return (ffprobe, "-threads", "1", *_COUNTED, "-hide_banner", "-loglevel", "error", *UNTRUSTED, *entries, "pipe:0")


def packets(ffprobe: str, path: str, stream_index: int) -> Command:
    """List when each packet of a picture shows and whether it is a keyframe, for ``ffprobe.parse_packets``."""
    chosen = ("-select_streams", str(stream_index), "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0")
    return (ffprobe, "-hide_banner", "-loglevel", "error", *UNTRUSTED, *chosen, path)


def fingerprint(ffmpeg: str, path: str, stream_index: int) -> Command:
    """Hash all packets of a track, for ``ffprobe.parse_fingerprint``: equal for a track and its copy."""
    chosen = ("-map", f"0:{stream_index}", "-c", "copy", "-f", "streamhash", "-hash", "sha256", "-")
    return (ffmpeg, *_QUIET, *UNTRUSTED, "-i", path, *chosen)


def listen(ffmpeg: str, path: str, stream_index: int) -> Command:
    """Decode a sound track and keep nothing of it: the progress on the standard output tells when it ends."""
    chosen = ("-map", f"0:{stream_index}", "-f", "null", "-")
    return (ffmpeg, *_QUIET, "-progress", "pipe:1", *UNTRUSTED, "-i", path, *chosen)


def encode(ffmpeg: str, source: str, recipe: Recipe, *, directory: str) -> Command:
    """Make all tracks of a recipe from one decode, files of ``directory``, with progress on the standard output.

    Each is a fragmented MP4 of its own, whose fragments begin at the same keyframes in all renditions.
    """
    argv: Command = (
        *(ffmpeg, *_QUIET, "-progress", "pipe:1"),
        *UNTRUSTED,
        *("-max_error_rate", MAX_ERROR_RATE, "-i", source),
    )
    if recipe.encoded:
        argv += ("-filter_complex", graph(recipe))
    if recipe.copied:
        argv += _copied(recipe, directory)
    for rendition in recipe.encoded:
        argv += _picture(recipe, rendition, directory)
    for sound in recipe.sounds:
        argv += _sound(recipe, sound, directory)
    for text in recipe.texts:
        argv += _text(text, directory)
    return argv


def graph(recipe: Recipe) -> str:
    """Return the filter graph: each rendition is scaled from the one above it, which costs least."""
    names = [rendition.name for rendition in recipe.encoded]
    chains = []
    for place, rendition in enumerate(recipe.encoded):
        first, last = place == 0, place == len(names) - 1
        begin = f"[0:{recipe.video.index}]" if first else f"[below_{names[place - 1]}]"
        filters = recipe.filters if first else (f"scale={rendition.width}:{rendition.height}:flags=bicubic", "setsar=1")
        if first and recipe.copied:
            filters = (*filters, f"scale={rendition.width}:{rendition.height}:flags=bicubic", "setsar=1")
        end = f"[{names[place]}]" if last else f",split[{names[place]}][below_{names[place]}]"
        chains.append(f"{begin}{','.join(filters)}{end}")
    return ";".join(chains)


def join(ffmpeg: str, picture: str, sound: str | None, *, target: str) -> Command:
    """Put a rendition and a sound track, as they are, into one MP4 that plays while it loads."""
    inputs: Command = (*UNTRUSTED, "-i", picture)
    maps: Command = ("-map", "0:v:0")
    if sound is not None:
        inputs, maps = (*inputs, *UNTRUSTED, "-i", sound), (*maps, "-map", "1:a:0")
    return (ffmpeg, *_QUIET, *inputs, *maps, "-c", "copy", *_BARE, "-movflags", "+faststart", "-f", "mp4", target)


def sound_alone(ffmpeg: str, sound: str, *, target: str) -> Command:
    """Put a sound track, as it is, into a file of its own."""
    source = (*UNTRUSTED, "-i", sound)
    return (ffmpeg, *_QUIET, *source, "-c", "copy", *_BARE, "-movflags", "+faststart", "-f", "ipod", target)


def stills(ffmpeg: str, video: str, *, at_seconds: tuple[float, ...], targets: tuple[str, ...]) -> Command:
    """Take the keyframe before each moment of a rendition as a JPEG, so that there always is one."""
    argv: Command = (ffmpeg, *_QUIET)
    for seconds in at_seconds:
        seek = ("-noaccurate_seek", "-ss", f"{seconds:.3f}") if seconds > 0 else ()
        # One picture is decoded by one thread, however many there are and take their memory.
        argv += ("-threads", "1", *seek, *UNTRUSTED, "-i", video)
    filters = "scale=out_range=pc,format=yuvj420p"
    one = ("-frames:v", "1", "-vf", filters, "-q:v", "3", "-update", "1", "-f", "image2")
    for number, target in enumerate(targets):
        argv += ("-map", f"{number}:v:0", *one, target)
    return argv


def sheets(
    ffmpeg: str, video: str, *, every: int, size: tuple[int, int], tiles: tuple[int, int], target: str
) -> Command:
    """Lay every ``every``-th keyframe of a rendition on sheets of ``tiles`` (columns, rows), JPEGs named ``target``."""
    select = rf"select=not(mod(n\,{every}))"
    scale = f"scale={size[0]}:{size[1]}:flags=area:out_range=pc,format=yuvj420p"
    filters = f"{select},{scale},tile={tiles[0]}x{tiles[1]}"
    keyframes = ("-skip_frame", "nokey", *UNTRUSTED, "-i", video, "-map", "0:v:0")
    return (ffmpeg, *_QUIET, *keyframes, "-fps_mode", "vfr", "-vf", filters, "-q:v", "5", "-f", "image2", target)


# --- the parts of encode ------------------------------------------------------------------------------------------


def _picture(recipe: Recipe, rendition: Rendition, directory: str) -> Command:
    profile = recipe.profile.video
    # A timestamp of the source is kept to 1/90000 s: ffmpeg before 6 would round it to the frame rate and drop frames.
    timing = ("-fps_mode", "vfr", "-enc_time_base:v", f"1:{_TIMESCALE}", "-video_track_timescale", _TIMESCALE)
    rate = ("-maxrate", str(rendition.max_bitrate), "-bufsize", str(2 * rendition.max_bitrate))
    quality = ("-preset", profile.speed, "-crf", str(profile.quality), *rate)
    keyframes = ("-g", "9999", "-force_key_frames", _keyframes(recipe))
    parts = (*_CODECS[profile.codec], *quality, *keyframes, *timing)
    return ("-map", f"[{rendition.name}]", *parts, *_fragmented("+frag_keyframe"), f"{directory}/{rendition.name}.mp4")


_CODECS: dict[str, Command] = {
    "h264": ("-c:v", "libx264", "-sc_threshold", "0"),
    "hevc": (
        *("-c:v", "libx265", "-tag:v", "hvc1", "-forced-idr", "1"),
        *("-x265-params", "scenecut=0:open-gop=0:keyint=9999:log-level=error"),
    ),
    "av1": ("-c:v", "libsvtav1"),
}


def _keyframes(recipe: Recipe) -> str:
    if recipe.copied:
        return "source"
    seconds = f"{recipe.profile.video.keyframe_seconds:g}"
    # The first frame of each such span of time. Not after the last one's time, which would drift, nor by a count of
    # those that were due, which makes a row of keyframes after a gap.
    next_due = f"{seconds}*(floor((prev_forced_t+0.001)/{seconds})+1)"
    return f"expr:if(isnan(prev_forced_t),1,gte(t+0.001,{next_due}))"


def _copied(recipe: Recipe, directory: str) -> Command:
    name = recipe.renditions[0].name
    tag = ("-tag:v", "hvc1") if recipe.video.codec == "hevc" else ()
    parts = ("-c:v", "copy", *tag, "-video_track_timescale", _TIMESCALE, *_fragmented("+frag_keyframe"))
    return ("-map", f"0:{recipe.video.index}", *parts, f"{directory}/{name}.mp4")


def _sound(recipe: Recipe, sound: SoundTrack, directory: str) -> Command:
    filters = ",".join((*loudness.published(sound.channels), *sound.filters))
    made = ("-c:a", "aac", "-af", filters, "-b:a", str(recipe.profile.audio.bitrate))
    codec = ("-c:a", "copy") if sound.copied else made
    parts = (*codec, "-frag_duration", _micros(recipe), *_fragmented())
    return ("-map", f"0:{sound.stream.index}", *parts, f"{directory}/{sound.name}.mp4")


def _text(text: TextTrack, directory: str) -> Command:
    return ("-map", f"0:{text.stream.index}", "-c:s", "webvtt", *_BARE, "-f", "webvtt", f"{directory}/{text.name}.vtt")


def _fragmented(extra: str = "") -> Command:
    # Not empty_moov: the file then begins before the first frame is known, and has no edit list for AAC's priming.
    return (*_BARE, "-movflags", f"+cmaf+delay_moov+default_base_moof{extra}", "-f", "mp4")


def _micros(recipe: Recipe) -> str:
    return str(round(recipe.profile.video.keyframe_seconds * 1_000_000))
