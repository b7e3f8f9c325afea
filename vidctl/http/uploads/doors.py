"""Every way to upload: ours, Uppy's, and what is handed on to a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidctl.http.origin import bucket_origin
from vidctl.http.uploads.handout import UploadRoutes
from vidctl.http.uploads.intake import Intake
from vidctl.http.uploads.sessions import SessionRoutes, Sessions
from vidctl.http.uploads.sign_request import SignRoutes
from vidctl.http.uploads.uppy import UppyRoutes

if TYPE_CHECKING:
    from vidctl.http.app import Routes
    from vidctl.http.routes import Given
    from vidctl.http.uploads.beginning import Beginning
    from vidctl.journal import Journal
    from vidctl.ledger import Ledger


async def upload_routes(given: Given, beginning: Beginning, ledger: Ledger, journal: Journal) -> list[Routes]:
    """Return the owners of the routes of uploads."""
    intake = Intake(
        uploads=given.raw_uploads,
        raw=given.raw,
        journal=journal,
        ledger=ledger,
        settings=given.uploads,
        metrics=given.metrics,
        clock=given.clock,
    )
    sessions = Sessions(keys=[key.get_secret_value().encode() for key in given.http.signing_keys], clock=given.clock)
    door, settings, public_url = given.authenticator, given.uploads, given.http.public_url
    return [
        SignRoutes(authenticator=door, beginning=beginning, intake=intake, settings=settings),
        UploadRoutes(authenticator=door, beginning=beginning, intake=intake, settings=settings, public_url=public_url),
        SessionRoutes(
            authenticator=door,
            sessions=sessions,
            settings=settings,
            public_url=public_url,
            clock=given.clock,
            ids=given.ids,
        ),
        UppyRoutes(
            authenticator=door,
            beginning=beginning,
            sessions=sessions,
            intake=intake,
            settings=settings,
            raw_bucket=given.raw_bucket,
            raw_origin=await bucket_origin(given.raw),
        ),
    ]
