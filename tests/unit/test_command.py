"""The whole command lines as text, so that a change of ffmpeg's behaviour is a change of one line here."""

from __future__ import annotations

import shlex
from dataclasses import replace

from vidctl.worker import command
from vidctl.worker.command import Encoding
from vidctl.worker.ladder import Rendition
from vidctl.worker.media import AudioStream, Media, VideoStream

VIDEO = VideoStream(index=0, codec="h264", width=1920, height=1080)
MEDIA = Media(
    container="mov",
    duration_seconds=60.0,
    streams=2,
    video=VIDEO,
    audio=AudioStream(index=1, codec="aac", channels=2),
)
FULL_HD = Rendition(name="video.mp4", width=1920, height=1080)
ENCODING = Encoding(preset="veryfast", crf=23, audio_bitrate=128_000)

START = (
    "ffmpeg -nostdin -hide_banner -loglevel error -nostats -y -progress pipe:1 "
    "-protocol_whitelist file,pipe -format_whitelist mov,mp4,m4a,3gp,3g2,mj2 -max_pixels 67108864 "
    "-max_error_rate 0.1 -i /w/source "
)
VIDEO_CODEC = "-fps_mode vfr -enc_time_base:v 1:90000 -c:v libx264 -preset veryfast -crf 23 "
SOUND = "-map 0:1 -c:a aac -b:a 128000 -af aresample=async=1 -ar 48000 -ac 2 "
FILE = "-sn -dn -map_metadata -1 -map_chapters -1 -movflags +faststart -f mp4 /w/video.mp4"


def transcode(media: Media, *renditions: Rendition) -> str:
    return shlex.join(command.transcode("ffmpeg", "/w/source", media, renditions, ENCODING, directory="/w"))


def picture(filters: str, index: int = 0) -> str:
    return f"-map 0:{index} -vf {filters} "


SCALE = "scale=1920:1080:flags=bicubic:out_range=tv"


def test_transcode() -> None:
    expected = START + picture(f"{SCALE},setsar=1,format=yuv420p") + VIDEO_CODEC + SOUND + FILE

    assert transcode(MEDIA, FULL_HD) == expected


def test_transcode_without_sound() -> None:
    expected = START + picture(f"{SCALE},setsar=1,format=yuv420p") + VIDEO_CODEC + "-an " + FILE

    assert transcode(replace(MEDIA, audio=None), FULL_HD) == expected


def test_transcode_takes_the_streams_that_were_chosen() -> None:
    media = replace(MEDIA, video=replace(VIDEO, index=2), audio=AudioStream(index=3, codec="aac", channels=1))
    sound = SOUND.replace("0:1", "0:3").replace("-ac 2", "-ac 1")
    expected = START + picture(f"{SCALE},setsar=1,format=yuv420p", index=2) + VIDEO_CODEC + sound + FILE

    assert transcode(media, FULL_HD) == expected


def test_transcode_makes_stereo_of_surround_sound() -> None:
    surround = replace(MEDIA, audio=AudioStream(index=1, codec="aac", channels=6))

    assert transcode(surround, FULL_HD) == transcode(MEDIA, FULL_HD)


def test_transcode_of_interlaced_pictures() -> None:
    media = replace(MEDIA, video=replace(VIDEO, interlaced=True))
    filters = f"bwdif=mode=send_frame:deint=interlaced,{SCALE},setsar=1,format=yuv420p"

    assert transcode(media, FULL_HD) == START + picture(filters) + VIDEO_CODEC + SOUND + FILE


def test_transcode_of_rgb_says_its_colours() -> None:
    media = replace(MEDIA, video=replace(VIDEO, pixel_format="gbrp"))
    filters = (
        f"{SCALE}:out_color_matrix=bt709,setsar=1,format=yuv420p,"
        "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    )

    assert transcode(media, FULL_HD) == START + picture(filters) + VIDEO_CODEC + SOUND + FILE


def test_transcode_decodes_once_for_several_renditions() -> None:
    small = Rendition(name="small.mp4", width=640, height=360)
    one = picture(f"{SCALE},setsar=1,format=yuv420p") + VIDEO_CODEC + SOUND + FILE
    two = one.replace("1920:1080", "640:360").replace("video.mp4", "small.mp4")

    assert transcode(MEDIA, FULL_HD, small) == START + one + " " + two


def test_poster() -> None:
    argv = command.poster("ffmpeg", "/w/video.mp4", duration_seconds=60.0, target="/w/poster.jpg")

    assert shlex.join(argv) == (
        "ffmpeg -nostdin -hide_banner -loglevel error -nostats -y -noaccurate_seek -ss 6.000 "
        "-protocol_whitelist file,pipe -format_whitelist mov,mp4,m4a,3gp,3g2,mj2 -max_pixels 67108864 -i /w/video.mp4 "
        "-map 0:v:0 -frames:v 1 -vf thumbnail=n=24,scale=out_range=pc,format=yuvj420p "
        "-q:v 3 -update 1 -f image2 /w/poster.jpg"
    )


def test_poster_of_a_short_video_seeks_nowhere() -> None:
    assert "-ss" not in command.poster("ffmpeg", "/w/video.mp4", duration_seconds=9.0, target="/w/poster.jpg")


ENTRIES = (
    "format=format_name,duration,nb_streams"
    ":stream=index,codec_type,codec_name,width,height,sample_aspect_ratio,pix_fmt,field_order,avg_frame_rate,"
    "duration,nb_frames,nb_read_frames,channels,color_transfer,color_primaries,color_space"
    ":stream_disposition=attached_pic,default:stream_tags=rotate"
    ":stream_side_data=rotation,max_luminance,max_content,dv_profile,dv_bl_signal_compatibility_id"
)
WHITELISTS = "-protocol_whitelist file,pipe -format_whitelist mov,mp4,m4a,3gp,3g2,mj2 -max_pixels 67108864"


def test_inspect() -> None:
    assert shlex.join(command.inspect("ffprobe", "/w/source")) == (
        f"ffprobe -hide_banner -loglevel error {WHITELISTS} -show_entries {ENTRIES} -of json /w/source"
    )


def test_decode() -> None:
    assert shlex.join(command.decode("ffprobe", "/w/source")) == (
        "ffprobe -threads 0 -count_frames "
        f"-hide_banner -loglevel error {WHITELISTS} -show_entries {ENTRIES} -of json /w/source"
    )
