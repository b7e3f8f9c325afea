"""How loud a sound track is, and the filters that bring it to a target (P): EBU R 128, measured as ITU-R BS.1770.

The track is measured after the downmix that is published, in floating point: an integer downmix of 5.1 turns all down
so that nothing can clip, and would be measured as something else than what is heard.

One gain for the whole track where its peaks allow it, so that quiet passages stay quiet. Where they do not a limiter
takes the peaks: at 96 kHz, since peaks lie between the samples (at 48 kHz it let white noise through 5 dB too high, at
192 kHz it gains nothing), and without a shift (sample counts and a click's place stay the same). ffmpeg's ``loudnorm``
would do both, for nine times the time to measure and with a gain that moves with the sound.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from vidctl.worker.failure import failed

Filters = tuple[str, ...]

RATE_HZ = 48_000
"""What every player takes."""

TOLERANCE_LU = 0.5
"""A difference between two tracks that nobody hears."""

MAX_GAIN_DB = 20.0
"""A track that is quieter yet is most likely the noise of an empty room: more gain would make that the programme."""

MAX_LIMITED_DB = 10.0
"""What the limiter may take off a peak; a track that needs more (claps over whispers) stays below the target."""

_SILENCE_LUFS = -70.0
"""BS.1770's absolute gate, and what ffmpeg prints where nothing gets over it or nothing lasts a block of 0.4 s."""

_OVERSHOOT_DB = 0.3
"""What the way back from 96 kHz adds to a limited peak; 0.3 dB were measured of white noise."""

_NUMBER = r"\s+(-?(?:[\d.]+|inf)|nan)"
_SUMMARY = re.compile(
    rf"Integrated loudness:\s+I:{_NUMBER} LUFS\s+Threshold:{_NUMBER} LUFS.*?"
    rf"LRA:{_NUMBER} LU\s.*?True peak:\s+Peak:{_NUMBER} dBFS",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness:
    """What BS.1770 says of a track: how loud, its highest peak between samples, its range, and its relative gate."""

    integrated_lufs: float
    true_peak_dbtp: float
    range_lu: float
    threshold_lufs: float


def published(channels: int) -> Filters:
    """Return the filters from what is decoded of a track to what is published: mono or stereo, gaps filled.

    They stand before ``measure``'s and before ``normalisation``'s.
    """
    layout = "mono" if channels == 1 else "stereo"
    # Gaps become silence, one at the start too: sound would else run ahead of the picture after each. From 40 ms on,
    # two frames of AAC: by itself aresample lets gaps add up to 100 ms first.
    return (
        "aresample=async=1:min_hard_comp=0.04:first_pts=0",
        f"aformat=sample_fmts=fltp:sample_rates={RATE_HZ}:channel_layouts={layout}",
    )


def measure(
    ffmpeg: str, untrusted: tuple[str, ...], source: str, stream_index: int, *, channels: int
) -> tuple[str, ...]:
    """Return the command that decodes one track and measures it; ``parse`` reads its standard error.

    The standard output tells how far it is, and nothing else: ffmpeg's null format writes nothing at all.
    ``untrusted`` are the words that keep ffmpeg from opening anything but the file.
    """
    # The summary is information, each of the ten lines a second would be verbose. Mono is heard from two speakers.
    meter = "ebur128=peak=true:dualmono=true:framelog=verbose"
    quiet = ("-nostdin", "-hide_banner", "-loglevel", "info", "-nostats", "-progress", "pipe:1")
    filters = ",".join((*published(channels), meter))
    return (
        *(ffmpeg, *quiet, *untrusted, "-i", source, "-map", f"0:{stream_index}"),
        *("-af", filters, "-f", "null", "-"),
    )


def is_measured(text: str) -> bool:
    """Whether there was anything to measure: a track without a single sample has no summary."""
    return _SUMMARY.search(text) is not None


def parse(text: str) -> Loudness | None:
    """Read the end of what ``measure`` printed; None for silence, or less than 0.4 s of anything else.

    Raises:
        Failed: ``loudness_unknown`` if there is no measurement.

    """
    *_, found = (None, *_SUMMARY.finditer(text))
    if found is None:
        raise failed("loudness_unknown", "ffmpeg ended without saying how loud the sound is", stderr_tail=text)
    integrated, threshold, loudness_range, peak = (float(number) for number in found.groups())
    if not math.isfinite(integrated) or integrated <= _SILENCE_LUFS or not math.isfinite(peak):
        return None
    return Loudness(integrated_lufs=integrated, true_peak_dbtp=peak, range_lu=loudness_range, threshold_lufs=threshold)


def normalisation(loudness: Loudness | None, *, target_lufs: float, ceiling_dbtp: float) -> Filters:
    """Return the filters that bring a track to the target, none where it is there or is silent.

    The ceiling is for what goes into the encoder: AAC may add a decibel or two to the peaks of very dense sound.
    """
    if loudness is None:
        return ()
    room_db = ceiling_dbtp - loudness.true_peak_dbtp
    gain_db = min(target_lufs - loudness.integrated_lufs, MAX_GAIN_DB)
    if abs(gain_db) <= TOLERANCE_LU and room_db >= 0:
        return ()
    if gain_db <= room_db:
        return (_volume(gain_db),)
    return (_volume(min(gain_db, room_db + MAX_LIMITED_DB)), *_limiter(ceiling_dbtp))


def _volume(gain_db: float) -> str:
    return f"volume={gain_db:.2f}dB"


def _limiter(ceiling_dbtp: float) -> Filters:
    limit = 10 ** ((ceiling_dbtp - _OVERSHOOT_DB) / 20)
    # level=0: it would else turn all up to full scale. latency=1: what it looks ahead is not put before the sound.
    limiter = f"alimiter=limit={limit:.4f}:attack=5:release=50:level=0:latency=1"
    return (f"aresample={2 * RATE_HZ}", limiter, f"aresample={RATE_HZ}")
