"""What must hold before a local world is built: files are there, ports are free, the directory is its own."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from vidctl.errors import InvalidSettings, PortInUse, VidctlError
from vidctl.local.process import search_path


class DirectoryInUse(VidctlError):
    """Another local world runs in the directory; the message names it and the setting."""

    code = "directory_in_use"


def require_free(port: int, *, variable: str) -> None:
    """Check that nobody listens on a port of 127.0.0.1.

    Raises:
        PortInUse: somebody does; the message names the variable that chooses another.

    """
    with closing(socket.socket()) as probe:
        # As servers do: the remains of a closed connection are no listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortInUse(f"port {port} is in use: free it, or choose another with {variable}") from error


def require_file(path: Path, *, variable: str) -> Path:
    """Return ``path`` if it is a file.

    Raises:
        InvalidSettings: it is none; the message names the variable that names another.

    """
    if not path.is_file():
        raise InvalidSettings(f"{variable}: there is no file {path}")
    return path


def require_program(program: str, *, variable: str) -> str:
    """Return where a program is, by name or path.

    Raises:
        InvalidSettings: it is nowhere; the message names the variable that names another.

    """
    found = shutil.which(program, path=search_path())
    if found is None:
        raise InvalidSettings(f"{variable}: there is no program {program}; `make dev` installs it")
    return str(Path(found).absolute())


@contextmanager
def claimed(directory: Path, *, variable: str) -> Iterator[None]:
    """Own a directory while the block runs, creating it if need be.

    Raises:
        DirectoryInUse: another local world owns it.

    """
    directory.mkdir(parents=True, exist_ok=True)
    handle = os.open(directory / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise DirectoryInUse(f"{directory} is in use by another local world: choose another with {variable}") from error
    finally:
        os.close(handle)
