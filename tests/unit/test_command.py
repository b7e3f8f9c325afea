"""The whole command lines as text, so that a change of ffmpeg's behaviour is a change of one line here."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from vidctl.worker import profiles
from vidctl.worker.ffmpeg import command
from vidctl.worker.recipes import recipe
from vidctl.worker.recipes.profile import Profile
from vidctl.worker.recipes.recipe import Filters
from vidctl.worker.source.media import AudioStream, Media, TextStream, VideoStream

VIDEO = VideoStream(index=0, codec="h264", width=1920, height=1080, pixel_format="yuv420p", frames_per_second=30.0)
STEREO = AudioStream(index=1, codec="aac", channels=2)
SURROUND = AudioStream(index=2, codec="ac3", channels=6)
MEDIA = Media(
    container="mov",
    duration_seconds=60.0,
    streams=4,
    video=VIDEO,
    audios=(STEREO, SURROUND),
    texts=(TextStream(index=3, codec="mov_text"),),
)
SMALL = replace(MEDIA, video=replace(VIDEO, width=640, height=360), audios=(), texts=())

UNTRUSTED = "-protocol_whitelist file,pipe -format_whitelist mov,mp4,m4a,3gp,3g2,mj2 -max_pixels 67108864"
QUIET = "ffmpeg -nostdin -hide_banner -loglevel error -nostats -y"
START = f"{QUIET} -progress pipe:1 {UNTRUSTED} -max_error_rate 0.1 -i /w/source"

BEGIN = r"[0:0]setpts=if(eq(N\,0)*lt(T\,0.5)\,0\,PTS)"
SD = "format=yuv420p,setparams=range=tv:colorspace=smpte170m:color_primaries=bt709:color_trc=bt709,setsar=1"
HD = "format=yuv420p,setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709,setsar=1"
GRAPH_360 = f"-filter_complex '{BEGIN},scale=640:360:flags=bicubic:out_range=tv,{SD}[v360]'"
BELOW_720 = (
    "[v720][below_v720];[below_v720]scale=852:480:flags=bicubic,setsar=1,split"
    "[v480][below_v480];[below_v480]scale=640:360:flags=bicubic,setsar=1[v360]"
)

X264 = "-c:v libx264 -sc_threshold 0 -preset veryfast -crf 23"
BY_TIME = (
    "-g 9999 -force_key_frames 'expr:if(isnan(prev_forced_t),1,gte(t+0.001,2*(floor((prev_forced_t+0.001)/2)+1)))'"
)
LIKE_THE_SOURCE = "-g 9999 -force_key_frames source"
TIMES = "-fps_mode vfr -enc_time_base:v 1:90000 -video_track_timescale 90000"
BARE = "-map_metadata -1 -map_chapters -1"
PICTURE_FILE = f"{BARE} -movflags +cmaf+delay_moov+default_base_moof+frag_keyframe -f mp4"
SOUND_FILE = f"-frag_duration 2000000 {BARE} -movflags +cmaf+delay_moov+default_base_moof -f mp4"
PUBLISHED = (
    "aresample=async=1:min_hard_comp=0.04:first_pts=0,"
    "aformat=sample_fmts=fltp:sample_rates=48000:channel_layouts=stereo"
)
SOUNDS = (
    f"-map 0:1 -c:a aac -af {PUBLISHED} -b:a 128000 {SOUND_FILE} /w/a1.mp4 "
    f"-map 0:2 -c:a aac -af {PUBLISHED},volume=7.00dB -b:a 128000 {SOUND_FILE} /w/a2.mp4"
)
TEXT = f"-map 0:3 -c:s webvtt {BARE} -f webvtt /w/s1.vtt"
LOUDNESS = ((), ("volume=7.00dB",))


def encode(media: Media, profile: Profile, *, loudness: tuple[Filters, ...] = (), copied: bool = False) -> str:
    written = recipe.write(media, profile, cube_path=None, loudness=loudness, copied=copied)
    return shlex.join(command.encode("ffmpeg", "/w/source", written, directory="/w"))


def picture(name: str, coded: str, bits: int, keyframes: str) -> str:
    rate = f"-maxrate {bits} -bufsize {2 * bits}"
    return f"-map '[{name}]' {coded} {rate} {keyframes} {TIMES} {PICTURE_FILE} /w/{name}.mp4"


def test_one_rendition_without_sound() -> None:
    assert encode(SMALL, Profile()) == f"{START} {GRAPH_360} {picture('v360', X264, 800_000, BY_TIME)}"


def test_a_ladder_with_two_sound_tracks_and_a_text_from_one_decode() -> None:
    graph = (
        f"-filter_complex '{BEGIN},scale=1920:1080:flags=bicubic:out_range=tv,{HD},split[v1080][below_v1080];"
        f"[below_v1080]scale=1280:720:flags=bicubic,setsar=1,split{BELOW_720}'"
    )
    pictures = (
        picture("v1080", X264, 6_000_000, BY_TIME),
        picture("v720", X264, 3_200_000, BY_TIME),
        picture("v480", X264, 1_500_000, BY_TIME),
        picture("v360", X264, 800_000, BY_TIME),
    )

    assert encode(MEDIA, Profile(), loudness=LOUDNESS) == " ".join((START, graph, *pictures, SOUNDS, TEXT))


def test_a_picture_that_is_taken_over_gives_the_others_its_keyframes() -> None:
    graph = (
        f"-filter_complex '{BEGIN},scale=1920:1080:flags=bicubic:out_range=tv,{HD},"
        f"scale=1280:720:flags=bicubic,setsar=1,split{BELOW_720}'"
    )
    pictures = (
        f"-map 0:0 -c:v copy -video_track_timescale 90000 {PICTURE_FILE} /w/v1080.mp4",
        picture("v720", X264, 3_200_000, LIKE_THE_SOURCE),
        picture("v480", X264, 1_500_000, LIKE_THE_SOURCE),
        picture("v360", X264, 800_000, LIKE_THE_SOURCE),
    )

    assert encode(MEDIA, Profile(), loudness=LOUDNESS, copied=True) == " ".join((START, graph, *pictures, SOUNDS, TEXT))


def test_a_file_of_which_all_is_taken_over_is_not_decoded() -> None:
    sound = replace(STEREO, profile="LC", bit_rate=128_000, sample_rate=48_000, frames=2813, duration_seconds=60.0)

    assert encode(replace(SMALL, audios=(sound,)), Profile(), copied=True) == (
        f"{START} -map 0:0 -c:v copy -video_track_timescale 90000 {PICTURE_FILE} /w/v360.mp4 "
        f"-map 0:1 -c:a copy {SOUND_FILE} /w/a1.mp4"
    )


def test_hevc_is_named_as_apple_s_players_want_it() -> None:
    x265 = (
        "-c:v libx265 -tag:v hvc1 -forced-idr 1 -x265-params scenecut=0:open-gop=0:keyint=9999:log-level=error "
        "-preset ultrafast -crf 26"
    )
    expected = f"{START} {GRAPH_360} {picture('v360', x265, 900_000, BY_TIME)}"

    assert encode(SMALL, profiles.load("hevc")) == expected


def test_hevc_that_is_taken_over_gets_that_name_too() -> None:
    hevc = replace(SMALL, video=replace(SMALL.video, codec="hevc"))

    assert encode(hevc, profiles.load("hevc"), copied=True) == (
        f"{START} -map 0:0 -c:v copy -tag:v hvc1 -video_track_timescale 90000 {PICTURE_FILE} /w/v360.mp4"
    )


def test_av1() -> None:
    expected = f"{START} {GRAPH_360} {picture('v360', '-c:v libsvtav1 -preset 10 -crf 35', 400_000, BY_TIME)}"

    assert encode(SMALL, profiles.load("av1")) == expected


@pytest.mark.parametrize(
    ("sound", "input_", "map_"),
    [
        ("/w/a1.mp4", f"{UNTRUSTED} -i /w/v1080.mp4 {UNTRUSTED} -i /w/a1.mp4", "-map 0:v:0 -map 1:a:0"),
        (None, f"{UNTRUSTED} -i /w/v1080.mp4", "-map 0:v:0"),
    ],
)
def test_join(sound: str | None, input_: str, map_: str) -> None:
    assert shlex.join(command.join("ffmpeg", "/w/v1080.mp4", sound, target="/w/video.mp4")) == (
        f"{QUIET} {input_} {map_} -c copy {BARE} -movflags +faststart -f mp4 /w/video.mp4"
    )


def test_sound_alone() -> None:
    assert shlex.join(command.sound_alone("ffmpeg", "/w/a1.mp4", target="/w/audio.m4a")) == (
        f"{QUIET} {UNTRUSTED} -i /w/a1.mp4 -c copy {BARE} -movflags +faststart -f ipod /w/audio.m4a"
    )


def test_stills() -> None:
    targets = ("/w/still0.jpg", "/w/still1.jpg")
    argv = command.stills("ffmpeg", "/w/v1080.mp4", at_seconds=(0.0, 6.0), targets=targets)

    one = "-frames:v 1 -vf scale=out_range=pc,format=yuvj420p -q:v 3 -update 1 -f image2"
    assert shlex.join(argv) == (
        f"{QUIET} -threads 1 {UNTRUSTED} -i /w/v1080.mp4 "
        f"-threads 1 -noaccurate_seek -ss 6.000 {UNTRUSTED} -i /w/v1080.mp4 "
        f"-map 0:v:0 {one} /w/still0.jpg -map 1:v:0 {one} /w/still1.jpg"
    )


def test_sheets() -> None:
    argv = command.sheets("ffmpeg", "/w/v360.mp4", every=3, size=(160, 90), tiles=(5, 4), target="/w/%05d.jpg")

    assert shlex.join(argv) == (
        f"{QUIET} -skip_frame nokey {UNTRUSTED} -i /w/v360.mp4 -map 0:v:0 -fps_mode vfr "
        r"-vf 'select=not(mod(n\,3)),scale=160:90:flags=area:out_range=pc,format=yuvj420p,tile=5x4' "
        "-q:v 5 -f image2 /w/%05d.jpg"
    )


ENTRIES = (
    "format=format_name,duration,start_time,nb_streams"
    ":stream=index,codec_type,codec_name,profile,bit_rate,sample_rate,start_time,"
    "width,height,sample_aspect_ratio,pix_fmt,field_order,avg_frame_rate,"
    "duration,nb_frames,nb_read_frames,nb_read_packets,channels,color_transfer,color_primaries,color_space"
    ":stream_disposition=attached_pic,default,forced:stream_tags=rotate,language,title"
    ":stream_side_data=rotation,max_luminance,max_content,dv_profile,dv_bl_signal_compatibility_id"
)
PROBE = f"-hide_banner -loglevel error {UNTRUSTED}"


def test_inspect() -> None:
    assert shlex.join(command.inspect("ffprobe", "/w/source")) == (
        f"ffprobe {PROBE} -show_entries {ENTRIES} -of json /w/source"
    )


def test_decode() -> None:
    assert shlex.join(command.decode("ffprobe", "/w/source")) == (
        f"ffprobe -threads 0 -count_frames -skip_loop_filter all -count_packets {PROBE} "
        f"-show_entries {ENTRIES} -of json /w/source"
    )


def test_decode_track() -> None:
    assert shlex.join(command.decode_track("ffprobe")) == (
        f"ffprobe -threads 1 -count_frames -skip_loop_filter all {PROBE} "
        "-show_entries stream=codec_name,width,height,pix_fmt,nb_read_frames -of json pipe:0"
    )


def test_packets() -> None:
    assert shlex.join(command.packets("ffprobe", "/w/source", 2)) == (
        f"ffprobe {PROBE} -select_streams 2 -show_entries packet=pts_time,flags -of csv=p=0 /w/source"
    )


def test_listen() -> None:
    assert shlex.join(command.listen("ffmpeg", "/w/source", 2)) == (
        f"{QUIET} -progress pipe:1 {UNTRUSTED} -i /w/source -map 0:2 -f null -"
    )


def test_fingerprint() -> None:
    assert shlex.join(command.fingerprint("ffmpeg", "/w/source", 2)) == (
        f"{QUIET} {UNTRUSTED} -i /w/source -map 0:2 -c copy -f streamhash -hash sha256 -"
    )
