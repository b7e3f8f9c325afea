"""Every input of the corpus, each declared once."""

from __future__ import annotations

from tests.corpus import broken, colours, containers, foreign, pictures, sounds, timing, tracks
from tests.corpus.intent import Input
from tests.corpus.recipe import Recipe

GROUPS: dict[str, tuple[Input, ...]] = {
    "Containers": containers.INPUTS,
    "Timing": timing.INPUTS,
    "Pictures": pictures.INPUTS,
    "Colours": colours.INPUTS,
    "Sounds": sounds.INPUTS,
    "Tracks": tracks.INPUTS,
    "Broken": broken.INPUTS,
    "Foreign": foreign.INPUTS,
}

INPUTS: dict[str, Input] = {entry.name: entry for group in GROUPS.values() for entry in group}

RECIPES: dict[str, Recipe] = {name: entry.recipe for name, entry in INPUTS.items()} | (
    broken.PARTS | foreign.PARTS | sounds.PARTS | tracks.PARTS
)
"""How each is made, and the parts that some are made of."""
