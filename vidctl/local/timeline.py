"""The way of a video as lines on a terminal, and how to send another with curl: text only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vidctl.local.client import Output, Video
from vidctl.local.world import Facts

NOTHING = Video(state="")


def news(before: Video, now: Video) -> Iterator[str]:
    """Yield a line for everything that ``now`` tells and ``before`` did not."""
    told = Counter(before.timeline)
    for entry in now.timeline:
        if told[entry] == 0:
            yield f"{entry.event:<12} {entry.reason or ''}".rstrip()
        told[entry] = max(0, told[entry] - 1)
    if now.state == "running" and _percent(now) != _percent(before):
        yield f"{'progress':<12} {_percent(now)}"


def _percent(video: Video) -> str:
    return "" if video.progress is None else f"{video.progress:.0%}"


def published(video: Video) -> str:
    """Say what was published, and where it can be seen."""
    return "\nPublished (the links hold for an hour):\n\n" + "\n".join(map(_listed, video.outputs))


def _listed(output: Output) -> str:
    line = f"  {output.name:<12} {output.content_type:<12} {output.size_bytes:>9,} bytes"
    return line if output.url is None else f"{line}\n  {output.url}"


def stamped(line: str, elapsed_seconds: float) -> str:
    """Put the time since the start before a line."""
    return f"{elapsed_seconds:7.1f} s  {line}"


def welcome(facts: Facts, directory: Path) -> str:
    """Say where everything is."""
    return f"""
  vidctl     {facts.url}    log: {directory}/serve.log
  S3, SQS    {facts.aws_endpoint_url}    {directory}/emulator.log
  ECS        {facts.ecs_endpoint_url}    {directory}/tasks/
"""


def invitation(facts: Facts, directory: Path) -> str:
    """Say how to go on: the page, the token, and a sequence of commands for bash."""
    return f"""
Page:    {facts.url}/#token={facts.token}
Token:   {facts.token}
Scripts: {directory}/world.json

With curl (any mp4 will do as FILE):

  API={facts.url} DEV={directory}
  FILE=$DEV/sample.mp4
  TOKEN={facts.token}
  curl -fsS "$API/v1/uploads" -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
    -d '{{"filename": "clip.mp4", "content_type": "video/mp4", "size": '"$(wc -c < "$FILE")"'}}' -o "$DEV/upload.json"
  upload() {{ python3 -c "import json; u = json.load(open('$DEV/upload.json')); $1"; }}
  upload 'print("url =", json.dumps(u["upload"]["url"]))' > "$DEV/put.curl"
  upload '[print("header =", json.dumps(": ".join(h))) for h in u["upload"]["headers"].items()]' >> "$DEV/put.curl"
  curl -fsS -K "$DEV/put.curl" -T "$FILE"
  VIDEO=$(upload 'print(u["status_url"])')
  until curl -fsS "$VIDEO" -H "Authorization: Bearer $TOKEN" -o "$DEV/video.json" &&
    grep -Eq '"state": "(published|failed)"' "$DEV/video.json"; do sleep 1; done
  python3 -m json.tool "$DEV/video.json"

Ctrl-C ends everything.
"""
