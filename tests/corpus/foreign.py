"""What is no MP4, whatever it is called."""

from __future__ import annotations

import random
import zlib
from io import BytesIO
from zipfile import ZipFile, ZipInfo

from tests.corpus.intent import Input, Refused
from tests.corpus.recipe import AAC, BOTH, PICTURE, X264, Recipe, film, lavfi, png, pointing, tone, written


def _zip() -> bytes:
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr(ZipInfo("video.mp4"), b"not here")
    return file.getvalue()


def _no_video(name: str, special: str, recipe: Recipe, *, why: str = "only MP4 is taken") -> Input:
    return Input(name=name, special=special, recipe=recipe, intent=Refused(code="not_a_video", why=why))


_LISTED = "it would make the worker read other files, or the network"
_FTYP = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"

INPUTS = (
    Input(
        name="empty",
        special="no byte",
        recipe=written(b""),
        intent=Refused(code="empty", why="the upload went wrong, and another one may not"),
    ),
    _no_video("one_byte", "one byte", written(b"\0"), why="no file of one byte is a video"),
    Input(
        name="only_ftyp",
        special="the first box of an MP4, and no other",
        recipe=written(_FTYP),
        intent=Refused(code="corrupt", why="it has no index"),
    ),
    Input(
        name="text_behind_ftyp",
        special="text behind the first box of an MP4",
        recipe=written(_FTYP + b"this is no video, whatever its first bytes say\n" * 20),
        intent=Refused(code="corrupt", why="it has no index"),
    ),
    _no_video("text", "text", written(b"this is no video, whatever its name says\n")),
    _no_video(
        "html", "a page of the web: the upload's source was a link", written(b"<!DOCTYPE html><title>404</title>")
    ),
    _no_video("zip", "an archive", written(_zip())),
    _no_video("random", "random bytes", written(random.Random(1).randbytes(65536))),
    _no_video("zeros", "zeros, of a disk that was full", written(bytes(65536))),
    _no_video("gzip", "compressed bytes", written(zlib.compress(bytes(10**6)))),
    _no_video(
        "jpeg", "a photograph", film(*PICTURE, "-frames:v", "1", "-c:v", "mjpeg", "-f", "image2", "-update", "1")
    ),
    _no_video("png_file", "a picture", written(png(64))),
    _no_video("gif", "a moving picture", film(*PICTURE, "-f", "gif")),
    _no_video(
        "avif",
        "a photograph in the boxes of an MP4",
        film(*PICTURE, *("-frames:v", "1"), "-c:v", "libsvtav1", "-f", "avif"),
    ),
    _no_video("wav", "sound", film(*lavfi(tone()), "-f", "wav")),
    _no_video("matroska", "a video in Matroska", film(*BOTH, *X264, *AAC, "-f", "matroska")),
    _no_video("transport_stream", "a video in an MPEG transport stream", film(*BOTH, *X264, *AAC, "-f", "mpegts")),
    _no_video("avi", "a video in AVI", film(*BOTH, "-c:v", "mpeg4", "-c:a", "libmp3lame", "-f", "avi")),
    _no_video(
        "playlist",
        "a playlist (HLS) that names a file of this machine",
        pointing("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{}\n#EXT-X-ENDLIST\n", "good"),
        why=_LISTED,
    ),
    _no_video(
        "playlist_of_the_net",
        "a playlist that names an address of the machine's own network",
        written(
            b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://169.254.169.254/latest/meta-data/\n#EXT-X-ENDLIST\n"
        ),
        why=_LISTED,
    ),
    _no_video(
        "script", "a list of files (ffconcat)", pointing("ffconcat version 1.0\nfile '{}'\n", "good"), why=_LISTED
    ),
    _no_video(
        "manifest",
        "a manifest (DASH) that names an address",
        written(b'<?xml version="1.0"?><MPD><Period><BaseURL>http://127.0.0.1:9/</BaseURL></Period></MPD>'),
        why=_LISTED,
    ),
)

PARTS = {
    "chapter_marks": written(
        b";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=One\n"
        b"[CHAPTER]\nTIMEBASE=1/1000\nSTART=500\nEND=1000\ntitle=Two\n"
    ),
}
"""What inputs are made of and that is none itself."""
