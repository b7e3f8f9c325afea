"""Small media files of every kind that people upload, made with the real ffmpeg, each at most once a session."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.corpus.catalogue import RECIPES


def program(name: str) -> str:
    """Return the path of ffmpeg or ffprobe: the one beside this Python, or the system's."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found is not None, f"{name} is not installed: run `make test`"
    return found


class Clips:
    """The inputs of the corpus, made in ``directory`` when they are first asked for."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def get(self, name: str) -> Path:
        """Return the input of that name, a file with the suffix ``.mp4`` whatever is in it."""
        path = self._directory / f"{name}.mp4"
        if not path.exists():
            partial = self._directory / f"{name}.partial.mp4"
            RECIPES[name](self, partial)
            partial.rename(path)
        return path

    def read(self, name: str) -> bytes:
        """Return the bytes of an input."""
        return self.get(name).read_bytes()

    def ffmpeg(self, *arguments: str, target: Path) -> None:
        """Let ffmpeg make a file; it is a ``corpus.recipe.Workshop``."""
        # Without its own name and version in the file, which is the same one for everybody.
        words = ("-nostdin", "-loglevel", "error", "-y", *arguments, "-fflags", "+bitexact", str(target))
        # SVT's encoder writes what it thinks of itself, if not told otherwise.
        subprocess.run([program("ffmpeg"), *words], check=True, env={"SVT_LOG": "1"})
