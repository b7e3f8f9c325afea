"""The profiles that come with vidctl, each a file of this folder, and how one is found."""

from __future__ import annotations

from pathlib import Path

from vidctl.errors import InvalidSettings
from vidctl.worker.recipes.profile import Profile, parse

_HERE = Path(__file__).parent


def names() -> tuple[str, ...]:
    """Return the names of the profiles that come with vidctl."""
    return tuple(sorted(path.stem for path in _HERE.glob("*.yaml")))


def load(said: str) -> Profile:
    """Return the profile of that name, at that path, or the one that is written there as YAML.

    Raises:
        InvalidSettings: there is none, or it is wrong; the message names every wrong field.

    """
    if "\n" in said or ": " in said or said.startswith("{"):
        return parse(said)
    path = _HERE / f"{said}.yaml" if said in names() else Path(said)
    try:
        return parse(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(names())
        unknown = f"{said!r} is neither a name ({known}), nor YAML, nor a file that can be read: {error}"
        raise InvalidSettings(f"VIDCTL_WORKER_PROFILE: {unknown}") from error
