"""What is played: a film that went through the whole worker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.browser.film import film
from tests.workbench import Bench
from vidctl.worker.recipes.profile import parse

TWO_RUNGS = parse("""
copy_fitting: false
video:
  ladder: [{short_side: 360, max_bitrate: 1500000}, {short_side: 180, max_bitrate: 500000}]
storyboard: {seconds: 2}
""")


async def published(tmp_path: Path) -> Mapping[str, bytes]:
    """Return every object of a published film by its name below the attempt's prefix."""
    source = await film(tmp_path)
    bench = Bench(directory=tmp_path / "work", body=source.read_bytes())
    assert await bench.run(profile=TWO_RUNGS) == 0, await bench.result()
    return bench.uploaded()
