"""Links that are good, for schemathesis, which would never find one by chance."""

from __future__ import annotations

from tests.process.http_service import Service, bearer
from tests.process.test_http_playback import Film

BY_LINK = "^/(u|v1/playback)/"
"""What a link lets in."""


async def configuration(service: Service) -> str:
    """Return the content of schemathesis.toml: a token for each kind of link, and redirects that are not followed."""
    answer = await service.client.post("/v1/upload-sessions", json={"count": 1000}, headers=bearer("ada"))
    endpoint: str = (await answer.json())["endpoint"]
    playlist: str = (await Film(service).show())["hls"]
    return f"""
max-redirects = 0

[[operations]]
include-path-regex = "^/u/"
parameters = {{ "path.token" = "{endpoint.rpartition("/")[2]}" }}

[[operations]]
include-path-regex = "^/v1/playback/"
parameters = {{ "path.token" = "{playlist.split("/")[-2]}" }}
"""
