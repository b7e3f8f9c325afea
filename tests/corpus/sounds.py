"""What sound is coded with: codecs, channels, rates, levels."""

from __future__ import annotations

from tests.corpus.intent import Input, Published
from tests.corpus.recipe import AAC, PICTURE, X264, chained, copied, film, joined, lavfi, tone


def _heard(name: str, special: str, source: str, *arguments: str, channels: int = 1) -> Input:
    """Return an input with the usual picture and this sound."""
    return Input(
        name=name,
        special=special,
        recipe=film(*PICTURE, *lavfi(source), *X264, *arguments),
        intent=Published(channels=channels),
    )


def _coded(name: str, special: str, *arguments: str) -> Input:
    return _heard(name, special, tone(), *arguments)


def _laid_out(name: str, special: str, layout: str, *arguments: str, channels: int = 2) -> Input:
    """Return an input whose loudspeakers each have a tone of their own."""
    return _heard(name, special, f"{tone()},aformat=channel_layouts={layout}", *(arguments or AAC), channels=channels)


INPUTS = (
    _laid_out("stereo", "two channels", "stereo"),
    _laid_out("surround", "5.1 channels", "5.1"),
    _laid_out("surround_7_1", "7.1 channels", "7.1"),
    _laid_out("quadraphonic", "four channels without a centre", "quad"),
    _laid_out("three_channels", "a centre and two sides, in PCM", "3.0", "-c:a", "pcm_s16le", "-f", "mov"),
    _laid_out("hexagonal", "six channels that are not 5.1", "hexagonal", "-c:a", "pcm_s16le", "-f", "mov"),
    _heard(
        "sixteen_channels",
        "sixteen channels of no known layout, of a mixing desk",
        f"aevalsrc={'|'.join(['sin(1000*t)'] * 16)}:d=1",
        *("-c:a", "pcm_s16le", "-f", "mov"),
        channels=2,
    ),
    _heard("eight_khz", "8 kHz, of a telephone", tone(rate=8000), *AAC),
    _heard("ninety_six_khz", "96 kHz, of a studio", tone(rate=96000), *AAC),
    _heard("eleven_khz", "11,025 Hz", tone(rate=11025), *AAC),
    _heard("clipped", "as loud as can be, and clipped", f"{tone()},volume=60dB", *AAC),
    _heard("silence", "nothing to be heard", "anullsrc=r=48000:cl=mono,atrim=end=1", *AAC),
    _heard("faint", "80 dB below full scale", f"{tone()},volume=-62dB", *AAC),
    _heard("float_beyond", "samples beyond full scale", f"{tone()},volume=40dB", "-c:a", "pcm_f32le", "-f", "mov"),
    _coded("alac", "Apple Lossless", "-c:a", "alac"),
    _coded("flac", "FLAC", "-c:a", "flac"),
    _coded("opus", "Opus", "-c:a", "libopus"),
    _coded("mp3", "MP3", "-c:a", "libmp3lame"),
    _coded("mp2", "MPEG-1 layer 2", "-c:a", "mp2"),
    _coded("ac3", "Dolby Digital", "-c:a", "ac3"),
    _coded("eac3", "Dolby Digital Plus", "-c:a", "eac3"),
    _coded("pcm_16", "PCM of 16 bits", "-c:a", "pcm_s16be", "-f", "mov"),
    _coded("pcm_24", "PCM of 24 bits", "-c:a", "pcm_s24le", "-f", "mov"),
    _coded("mu_law", "8 bits by the mu law", "-c:a", "pcm_mulaw", "-ar", "8000", "-f", "mov"),
    _coded("adpcm", "ADPCM of QuickTime", "-c:a", "adpcm_ima_qt", "-f", "mov"),
    Input(
        name="sound_gap",
        special="half a second of the sound is missing, and its timestamps say so",
        recipe=copied("good", "-bsf:a", r"noise=drop=between(n\,10\,30)"),
        intent=Published(),
    ),
    Input(
        name="changing_rate",
        special="the sampling rate changes in the middle (MP3)",
        recipe=joined(("no_audio", "changing_mp3"), "-c", "copy", "-map", "0", "-map", "1"),
        intent=Published(tolerance=0.2),
    ),
)

PARTS = {
    "mp3_44": film(*lavfi(tone(0.5)), "-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3"),
    "mp3_22": film(
        *lavfi(tone(0.5, 22050)), "-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3"
    ),
    "changing_mp3": chained(("mp3_44", "mp3_22"), "mp3", "-f", "mp3", "-write_xing", "0"),
}
"""What inputs are made of and that is none itself."""
