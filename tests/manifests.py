"""Checks a published DASH manifest against its rules, and against the segments that it names, as ``playlists`` does."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from tests.playlists import RATE_ERROR, read_segment
from vidctl.worker.cmaf.fragments import Fragment, FragmentReader
from vidctl.worker.cmaf.init_segment import Init
from vidctl.worker.cmaf.sample_entry import Picture
from vidctl.worker.failure import Failed

RULES = {
    "D1": "ISO/IEC 23009-1 5.3.1.2: a static manifest has profiles, a duration and a buffer time",
    "D2": "ISO/IEC 23009-1 5.3.9.5: every file that is named exists, and every segment is named",
    "D3": "ISO/IEC 23009-1 5.3.9.6: the timeline gives the moment at which each segment begins to show",
    "D4": "ISO/IEC 23009-1 5.3.9.6: the timeline gives each segment's duration",
    "D5": "ISO/IEC 23009-1 5.3.1.2: the longest timeline lasts as long as the presentation is said to, to 1 ms",
    "D6": "ISO/IEC 23009-1 5.3.7.2: codecs are what the headers say",
    "D7": "ISO/IEC 23009-1 5.3.7.2: width, height and sar are as coded, and par as shown",
    "D8": "ISO/IEC 23009-1 5.3.7.2: frameRate is what is measured",
    "D9": "ISO/IEC 23009-1 5.3.5.2: no row of segments takes more than bandwidth, and bandwidth at most 10 % more",
    "D10": "ISO/IEC 23009-1 5.3.3.2: every segment begins with a keyframe where startWithSAP is 1",
    "D11": "ISO/IEC 23009-1 5.3.7.2: audioSamplingRate is what the headers say",
    "D12": "ISO/IEC 23009-1 5.3.9.2: the timescale is that of the segments",
    "D13": "ISO/IEC 23009-1 5.3.5.2: no two representations have the same id, no two sets either",
    "D14": "ISO/IEC 23009-1 5.3.9.2: presentationTimeOffset is the same moment in every track",
}

_MPD = "{urn:mpeg:dash:schema:mpd:2011}"


@dataclass(frozen=True)
class Violation:
    """A rule that is broken, where, and how."""

    rule: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule} ({RULES[self.rule]}): {self.where}: {self.what}"


@dataclass
class Representation:
    """A representation, its set, and the files that its template names."""

    root: Path
    element: ET.Element
    parent: ET.Element

    @property
    def id(self) -> str:
        return self.element.get("id", "")

    @cached_property
    def template(self) -> ET.Element:
        found = self.element.find(f"{_MPD}SegmentTemplate")
        found = found if found is not None else self.parent.find(f"{_MPD}SegmentTemplate")
        assert found is not None
        return found

    @cached_property
    def timeline(self) -> list[tuple[int, int]]:
        """Start and duration of every segment, in the template's unit, from the start of the period."""
        offset, now, found = int(self.template.get("presentationTimeOffset", "0")), 0, []
        for entry in self.template.iter(f"{_MPD}S"):
            now = int(entry.get("t", str(now)))
            for _ in range(int(entry.get("r", "0")) + 1):
                found.append((now - offset, int(entry.get("d", "0"))))
                now += found[-1][1]
        return found

    def seconds(self, time: int) -> Fraction:
        return Fraction(time, int(self.template.get("timescale", "1")))

    def _path(self, attribute: str, number: int = 0) -> Path:
        text = self.template.get(attribute, "").replace("$RepresentationID$", self.id)
        return self.root / re.sub(r"\$Number%0(\d+)d\$", lambda match: f"{number:0{match[1]}d}", text)

    @cached_property
    def head_path(self) -> Path:
        return self._path("initialization")

    @cached_property
    def paths(self) -> list[Path]:
        first = int(self.template.get("startNumber", "1"))
        return [self._path("media", first + number) for number in range(len(self.timeline))]

    @cached_property
    def init(self) -> Init:
        head = self.head_path.read_bytes()
        reader = FragmentReader(io.BytesIO(head))
        list(reader.read(len(head)))
        assert reader.init is not None
        return reader.init

    @cached_property
    def segments(self) -> list[list[Fragment]]:
        head = self.head_path.read_bytes()
        return [read_segment(head, path.read_bytes()) for path in self.paths]


def check_dash(root: Path, *, name: str = "manifest.mpd") -> list[Violation]:
    """Return every violation in the presentation under ``root``."""
    mpd = ET.parse(root / name).getroot()  # noqa: S314 - our own text
    sets = list(mpd.iter(f"{_MPD}AdaptationSet"))
    found = [Representation(root, element, made) for made in sets for element in made.iter(f"{_MPD}Representation")]
    violations = [*_check_head(name, mpd), *_check_ids(name, mpd)]
    segmented = [representation for representation in found if representation.element.find(f"{_MPD}BaseURL") is None]
    violations += _check_offsets(name, segmented)
    for representation in found:
        violations += _check_files(representation, segmented=representation in segmented)
    for representation in segmented:
        if not any(v.where == representation.id and v.rule == "D2" for v in violations):
            violations += _check_segments(representation)
    longest = max(r.seconds(start + lasts) for r in segmented for start, lasts in r.timeline[-1:])
    said = _seconds(mpd.get("mediaPresentationDuration", "PT0S"))
    if abs(longest - said) > Fraction(1, 1000):
        violations.append(Violation("D5", name, f"{float(longest)} s, and said are {float(said)} s"))
    return violations


def _seconds(text: str) -> Fraction:
    match = re.fullmatch(r"PT(\d+(?:\.\d+)?)S", text)
    return Fraction(match[1]) if match else Fraction(0)


def _check_head(name: str, mpd: ET.Element) -> Iterator[Violation]:
    needed = {"profiles", "mediaPresentationDuration", "minBufferTime"}
    if mpd.get("type") != "static" or needed - set(mpd.attrib):
        yield Violation("D1", name, f"it has {mpd.attrib}")


def _check_ids(name: str, mpd: ET.Element) -> Iterator[Violation]:
    for kind in ("Representation", "AdaptationSet"):
        ids = [element.get("id") for element in mpd.iter(f"{_MPD}{kind}")]
        if len(set(ids)) < len(ids) or None in ids:
            yield Violation("D13", name, f"{kind}: {ids}")


def _check_offsets(name: str, found: Sequence[Representation]) -> Iterator[Violation]:
    offsets = [r.seconds(int(r.template.get("presentationTimeOffset", "0"))) for r in found]
    if max(offsets) - min(offsets) > Fraction(1, 1000):
        yield Violation("D14", name, f"{[float(offset) for offset in offsets]} s")


def _check_files(representation: Representation, *, segmented: bool) -> Iterator[Violation]:
    if not segmented:
        url = representation.element.findtext(f"{_MPD}BaseURL", "")
        paths = [representation.root / url]
    else:
        paths = [representation.head_path, *representation.paths]
    for path in paths:
        if not path.is_file():
            yield Violation("D2", representation.id, f"{path.relative_to(representation.root)} does not exist")
    if segmented:
        for path in sorted(set(representation.head_path.parent.glob("*.m4s")) - set(paths)):
            yield Violation("D2", representation.id, f"{path.name} is not in the timeline")


def _check_segments(representation: Representation) -> Iterator[Violation]:
    try:
        init, segments = representation.init, representation.segments
    except Failed as failed:
        yield Violation("D2", representation.id, str(failed))
        return
    if int(representation.template.get("timescale", "1")) != init.timescale:
        yield Violation("D12", representation.id, f"the segments have {init.timescale}")
        return
    yield from _check_timeline(representation)
    if representation.parent.get("startWithSAP") == "1" and not all(segment[0].sync for segment in segments):
        yield Violation("D10", representation.id, "a segment begins in the middle")
    if representation.element.get("codecs") != init.entry.codec:
        yield Violation("D6", representation.id, f"{representation.element.get('codecs')}, and not {init.entry.codec}")
    if isinstance(init.entry, Picture):
        yield from _check_picture(representation, init.entry)
    elif representation.parent.get("audioSamplingRate") != str(init.sound.rate):
        yield Violation("D11", representation.id, f"the header says {init.sound.rate}")
    yield from _check_rate(representation)


def _check_timeline(representation: Representation) -> Iterator[Violation]:
    init, segments = representation.init, representation.segments
    offset = int(representation.template.get("presentationTimeOffset", "0"))
    starts = [max(0, min(f.start for f in segment) + init.shift) - offset for segment in segments]
    ends = [*starts[1:], max(f.end for f in segments[-1]) + init.shift - offset]
    for number, (said, lasts) in enumerate(representation.timeline):
        if said != starts[number]:
            what = f"segment {number + 1} is said to begin at {said} and begins at {starts[number]}"
            yield Violation("D3", representation.id, what)
        if lasts != ends[number] - starts[number]:
            what = f"segment {number + 1} is said to last {lasts} and lasts {ends[number] - starts[number]}"
            yield Violation("D4", representation.id, what)


def _check_picture(representation: Representation, picture: Picture) -> Iterator[Violation]:
    element, shown = representation.element, Fraction(picture.width, picture.height) * picture.sample_aspect
    said = tuple(element.get(name) for name in ("width", "height", "sar"))
    aspect = picture.sample_aspect
    if said != (str(picture.width), str(picture.height), f"{aspect.numerator}:{aspect.denominator}"):
        yield Violation("D7", representation.id, f"{said}, and not {picture}")
    # Renditions of a set round their sides to even numbers, each its own way.
    across, _, down = representation.parent.get("par", "0:1").partition(":")
    if abs(Fraction(int(across), int(down)) / shown - 1) > Fraction(3, 100):
        yield Violation("D7", representation.id, f"par is {across}:{down}, and shown are {shown}")
    fragments = [fragment for segment in representation.segments for fragment in segment]
    lasts = sum(d for _, d in representation.timeline)
    mean = Fraction(sum(f.samples for f in fragments) * representation.init.timescale, lasts)
    fastest = Fraction(representation.init.timescale, max(1, min(f.shortest for f in fragments)))
    said_rate = Fraction(element.get("frameRate", "0"))
    if not (1 - RATE_ERROR) * mean <= said_rate <= (1 + RATE_ERROR) * fastest:
        yield Violation("D8", representation.id, f"{element.get('frameRate')}, and measured are {float(mean):.3f}")


def _check_rate(representation: Representation) -> Iterator[Violation]:
    """Compare with the rates of segments alone, unless they are too short to say much."""
    pairs = zip(representation.paths, representation.timeline, strict=True)
    sizes = [(8 * path.stat().st_size, representation.seconds(lasts)) for path, (_, lasts) in pairs]
    longest = max(lasts for _, lasts in sizes)
    peak = max(bits / lasts for bits, lasts in sizes if 2 * lasts >= longest)
    said = int(representation.element.get("bandwidth", "0"))
    if not Fraction(99, 100) * peak <= said <= Fraction(11, 10) * peak + 1:
        yield Violation("D9", representation.id, f"bandwidth is {said}, and measured are {float(peak):.0f}")
