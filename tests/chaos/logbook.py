"""What the replicas wrote into their logs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Logbook:
    """The logs of every replica of a trial."""

    def __init__(self, directory: Path) -> None:
        self.published: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.faults: list[str] = []
        for log in sorted(directory.glob("serve-*.log")):
            for entry in self._entries(log):
                self._take(log.name, entry)

    def _take(self, name: str, entry: dict[str, Any]) -> None:
        event = str(entry.get("event"))
        self.events[event] += 1
        if event == "published":
            self.published[str(entry.get("video_id"))] += 1
        if entry.get("level") in ("error", "critical"):
            self.faults.append(f"{name}: {event} {entry.get('reason') or entry.get('exception') or ''}"[:500])

    def _entries(self, log: Path) -> Iterator[dict[str, Any]]:
        for line in log.read_text(errors="replace").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                # One that was killed while it wrote leaves half a line; anything else is a crash's last words.
                if not line.startswith("{"):
                    self.faults.append(f"{log.name}: {line}")
