"""Every route, built of what this process has: what a handler needs is handed to it here, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidctl.errors import InvalidSettings
from vidctl.http.access.signing import Tokens
from vidctl.http.contract import ContractRoutes
from vidctl.http.limits.allowance import Allowance
from vidctl.http.limits.claims import Claims
from vidctl.http.limits.open_streams import OpenStreams
from vidctl.http.origin import bucket_origin, origin_of
from vidctl.http.pages import PageRoutes
from vidctl.http.playback.cloudfront import PolicySigner
from vidctl.http.playback.delivery import CloudFrontDelivery, Delivery, PublicDelivery, SignedDelivery
from vidctl.http.playback.links import PURPOSE, Links
from vidctl.http.playback.offer import Offer
from vidctl.http.playback.playable import Playable
from vidctl.http.playback.routes import PlaybackRoutes
from vidctl.http.probes import Check, ProbeRoutes
from vidctl.http.uploads.beginning import Beginning
from vidctl.http.uploads.doors import upload_routes
from vidctl.http.videos.histories import Histories
from vidctl.http.videos.line import Line
from vidctl.http.videos.listing import ListRoutes
from vidctl.http.videos.show import VideoRoutes
from vidctl.http.videos.stream_urls import StreamUrls
from vidctl.http.videos.streams import StreamRoutes
from vidctl.http.videos.watching import Watches
from vidctl.http.videos.wishes import Wishes, WishRoutes
from vidctl.journal import Journal
from vidctl.ledger import Ledger
from vidctl.tickets import Way

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidctl.http.access.auth import Authenticator
    from vidctl.http.app import Routes
    from vidctl.metrics import Metrics
    from vidctl.model import VideoKey
    from vidctl.ports import Clock, Ids, Objects, Queue
    from vidctl.settings import HttpSettings, LimitSettings, PlaybackSettings, UploadSettings
    from vidctl.uploads import Uploads


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the HTTP side is built of. ``alive`` and ``ready`` say why not, or None.

    ``look`` asks the reconciler of this process for a pass on a video.
    """

    authenticator: Authenticator
    raw: Objects
    raw_uploads: Uploads
    final: Objects
    raw_bucket: str
    raw_queue: Queue
    look: Callable[[VideoKey], None]
    uploads: UploadSettings
    http: HttpSettings
    limits: LimitSettings
    playback: PlaybackSettings
    metrics: Metrics
    clock: Clock
    ids: Ids
    alive: Check
    ready: Check


async def all_routes(given: Given) -> list[Routes]:
    """Return the owners of all routes that the settings ask for."""
    ledger, journal = Ledger(given.final), Journal(given.final)
    histories = _histories(given, ledger, journal)
    routes: list[Routes] = [
        *await upload_routes(given, _beginning(given, ledger, histories), ledger, journal),
        *_of_videos(given, ledger, journal, histories),
        ContractRoutes(),
        ProbeRoutes(alive=given.alive, ready=given.ready, registry=given.metrics.registry),
    ]
    if given.http.page:
        origins = [await bucket_origin(given.raw), await bucket_origin(given.final)]
        if given.playback.base_url is not None:
            origins.append(origin_of(given.playback.base_url))
        routes.append(PageRoutes(bucket_origins=origins, uploads=given.uploads))
    return routes


def _beginning(given: Given, ledger: Ledger, histories: Histories) -> Beginning:
    allowance = Allowance(
        settings=given.limits,
        session_life=given.uploads.session_expiry,
        ledger=ledger,
        histories=histories,
        clock=given.clock,
    )
    return Beginning(claims=Claims(given.final), allowance=allowance, clock=given.clock, ids=given.ids)


def _of_videos(given: Given, ledger: Ledger, journal: Journal, histories: Histories) -> list[Routes]:
    wishes = Wishes(
        histories=histories,
        journal=journal,
        ledger=ledger,
        raw=given.raw,
        raw_uploads=given.raw_uploads,
        raw_bucket=given.raw_bucket,
        raw_queue=given.raw_queue,
        look=given.look,
        clock=given.clock,
    )
    urls = StreamUrls(given.http.signing_keys, life=given.http.stream_life, clock=given.clock)
    links = _links(given)
    offer = Offer(_delivery(given, links), mode=given.playback.mode, lives=given.playback.expiry, clock=given.clock)
    return [
        VideoRoutes(
            authenticator=given.authenticator,
            histories=histories,
            ledger=ledger,
            streams=urls,
            final=given.final,
            offer=offer,
            public_url=given.http.public_url,
            expiry=given.playback.expiry,
        ),
        ListRoutes(
            authenticator=given.authenticator,
            ledger=ledger,
            histories=histories,
            offer=offer,
            public_url=given.http.public_url,
        ),
        WishRoutes(authenticator=given.authenticator, wishes=wishes),
        _streams(given, histories, urls),
        _playback(given, histories, journal, links, offer),
    ]


def _histories(given: Given, ledger: Ledger, journal: Journal) -> Histories:
    return Histories(
        raw=given.raw,
        raw_bucket=given.raw_bucket,
        final=given.final,
        journal=journal,
        ledger=ledger,
        expiry={Way.PUT: given.uploads.expiry, Way.POST: given.uploads.parts_expiry},
        line=Line(raw=given.raw, raw_bucket=given.raw_bucket, final=given.final, clock=given.clock),
        clock=given.clock,
    )


def _streams(given: Given, histories: Histories, urls: StreamUrls) -> StreamRoutes:
    return StreamRoutes(
        authenticator=given.authenticator,
        watches=Watches(histories=histories, shortest=given.http.follow_interval, metrics=given.metrics),
        urls=urls,
        limit=OpenStreams(most=given.limits.streams),
        heartbeat=given.http.heartbeat,
        patience=given.http.stream_patience,
        life=given.http.stream_life,
    )


def _playback(given: Given, histories: Histories, journal: Journal, links: Links, offer: Offer) -> PlaybackRoutes:
    return PlaybackRoutes(
        authenticator=given.authenticator,
        histories=histories,
        offer=offer,
        links=links,
        playable=Playable(final=given.final, journal=journal, clock=given.clock),
        final=given.final,
        settings=given.playback,
        clock=given.clock,
    )


def _links(given: Given) -> Links:
    keys = [key.get_secret_value().encode() for key in given.http.signing_keys]
    if not keys and given.playback.mode != "public":
        raise InvalidSettings("VIDCTL_HTTP_SIGNING_KEYS: must be set, unless VIDCTL_PLAYBACK_MODE is public")
    return Links(Tokens(keys, purpose=PURPOSE))


def _delivery(given: Given, links: Links) -> Delivery:
    asked = given.playback
    base_url, key_pair_id, private_key = asked.base_url or "", asked.key_pair_id or "", asked.private_key
    if asked.mode == "public":
        return PublicDelivery(base_url=base_url)
    if private_key is None or asked.mode == "signed":
        return SignedDelivery(links=links, final=given.final, clock=given.clock)
    try:
        signer = PolicySigner(private_key=private_key.get_secret_value(), key_pair_id=key_pair_id)
    except ValueError as error:
        raise InvalidSettings(f"VIDCTL_PLAYBACK_PRIVATE_KEY: {error}") from error
    return CloudFrontDelivery(links=links, signer=signer, base_url=base_url)
