"""The keys that tokens are checked with: one from the settings, or the issuer's key set, read from where it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import aiohttp
import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from vidctl import logs
from vidctl.errors import InvalidSettings, Malformed, VidctlError
from vidctl.http.access.discovery import Provider
from vidctl.http.access.documents import Documents, DocumentUnavailable
from vidctl.ports import Clock
from vidctl.settings import AuthSettings

MAX_SET_KEYS = 100
"""Far beyond any issuer's set."""

MAX_AGE = timedelta(hours=24)
"""How long a key set is trusted that cannot be read again: an outage of the issuer, and not the life of a lost key."""

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey
FAMILIES: dict[str, tuple[type[Any], ...]] = {
    "RS": (RSAPublicKey,),
    "PS": (RSAPublicKey,),
    "ES": (EllipticCurvePublicKey,),
    "Ed": (Ed25519PublicKey, Ed448PublicKey),
}

log = logs.get(__name__)


class KeysUnavailable(VidctlError):
    """The key set cannot be read and none is remembered, so that nothing can be said about any token."""

    code = "keys_unavailable"


class UnknownKey(VidctlError):
    """No key fits the token: its key id is not in the set, or its algorithm not that of the key."""

    code = "unknown_key"


class Keys(Protocol):
    """Where the key of a token is found."""

    async def key(self, key_id: str | None, algorithm: str) -> PublicKey | bytes:
        """Return the key with this id (None: the token names none) that fits an accepted algorithm.

        Raises:
            UnknownKey: there is none.
            KeysUnavailable: nobody knows.

        """


class FixedKey:
    """The one key of the settings, for every token whatever key id it names."""

    def __init__(self, key: PublicKey | bytes) -> None:
        self._key = key

    async def key(self, key_id: str | None, algorithm: str) -> PublicKey | bytes:  # noqa: ARG002 - the port's signature
        """Return the key; raises as ``Keys.key``."""
        if not _fits(self._key, algorithm):
            raise UnknownKey("the key is not of the kind that the token's algorithm needs")
        return self._key


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonWebKey:
    """One key of a set, with the algorithm that it is limited to, if any."""

    key_id: str | None
    algorithm: str | None
    key: PublicKey

    def serves(self, algorithm: str) -> bool:
        """Whether it may check a token of this algorithm."""
        return self.algorithm in (None, algorithm) and _fits(self.key, algorithm)


class KeySet:
    """The issuer's key set (JWKS, RFC 7517), read without blocking and remembered; ``address`` says where it is.

    It is read again when it is older than ``lifetime`` or a token names an unknown key, one read at a time and at most
    one in ``cooldown``; while that goes on or fails, the remembered set serves on. A key that the issuer has just
    added is therefore unknown for at most ``cooldown``.
    """

    def __init__(
        self,
        address: Callable[[], Awaitable[str]],
        *,
        documents: Documents,
        lifetime: timedelta,
        cooldown: timedelta,
        clock: Clock,
    ) -> None:
        self._address = address
        self._documents = documents
        self._lifetime = lifetime
        self._cooldown = cooldown
        self._clock = clock
        self._keys: tuple[JsonWebKey, ...] = ()
        self._read_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._reading = asyncio.Lock()

    async def key(self, key_id: str | None, algorithm: str) -> PublicKey:
        """Return the key; raises as ``Keys.key``."""
        known = self._find(key_id, algorithm)
        patience = MAX_AGE if self._reading.locked() else self._lifetime
        if known is not None and self._age() < patience:
            return known
        await self._refresh()
        if self._age() > MAX_AGE:
            raise KeysUnavailable("the issuer's keys cannot be read")
        found = self._find(key_id, algorithm)
        if found is None:
            raise UnknownKey("the token's key is not among the issuer's")
        return found

    def _find(self, key_id: str | None, algorithm: str) -> PublicKey | None:
        """Return the key with this id, or for a token without one, the only key that it can be."""
        serving = [key for key in self._keys if key.serves(algorithm) and key_id in (None, key.key_id)]
        return serving[0].key if len(serving) == 1 or (serving and key_id is not None) else None

    def _age(self) -> timedelta:
        return timedelta.max if self._read_at is None else self._clock() - self._read_at

    async def _refresh(self) -> None:
        async with self._reading:
            # Whoever waited for another's read has what it brought: the cooldown keeps it from reading again.
            if self._tried_at is not None and self._clock() - self._tried_at < self._cooldown:
                return
            self._tried_at = self._clock()
            try:
                self._keys = parse_key_set(await self._documents.read(await self._address()))
                self._read_at = self._clock()
            except (DocumentUnavailable, Malformed) as error:
                log.warning("key_set_unreadable", error=str(error), remembered=len(self._keys))


def parse_key_set(document: dict[str, Any]) -> tuple[JsonWebKey, ...]:
    """Read the keys of a set that can check signatures; others (secrets, for encryption, unknown kinds) are left out.

    Raises:
        Malformed: it is no key set, or no key in it is of use.

    """
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise Malformed("keys: must be a list")
    keys = [key for entry in entries[:MAX_SET_KEYS] if (key := _json_web_key(entry)) is not None]
    if not keys:
        raise Malformed("keys: none of them can check a signature")
    return tuple(keys)


def _json_web_key(entry: Any) -> JsonWebKey | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    key_id, algorithm = entry.get("kid"), entry.get("alg")
    if not isinstance(key_id, str | None) or not isinstance(algorithm, str | None):
        return None
    try:
        key = jwt.PyJWK(entry).key
    except (jwt.PyJWTError, UnsupportedAlgorithm, NotImplementedError, LookupError, ValueError, TypeError):
        return None
    # A secret (kty oct) or a private key has no place in a public document, whoever put it there.
    return JsonWebKey(key_id=key_id, algorithm=algorithm, key=key) if isinstance(key, PublicKey) else None


def _fits(key: PublicKey | bytes, algorithm: str) -> bool:
    """Whether the key is of the algorithm's kind: a public key never serves as the secret of an HMAC."""
    return isinstance(key, bytes) if algorithm.startswith("HS") else isinstance(key, FAMILIES.get(algorithm[:2], ()))


@asynccontextmanager
async def open_keys(settings: AuthSettings, *, clock: Clock) -> AsyncIterator[Keys]:
    """Give the keys that the settings name.

    Raises:
        InvalidSettings: the secret or public key cannot be read, is too weak, or serves no accepted algorithm.

    """
    if settings.secret is not None:
        secret = settings.secret.get_secret_value().encode()
        yield FixedKey(_checked(secret, settings.accepted_algorithms, variable="VIDCTL_AUTH_SECRET"))
    elif settings.public_key is not None:
        key = _public_key(settings.public_key)
        yield FixedKey(_checked(key, settings.accepted_algorithms, variable="VIDCTL_AUTH_PUBLIC_KEY"))
    else:
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            documents = Documents(session)
            yield KeySet(
                _address(settings, documents),
                documents=documents,
                lifetime=settings.jwks_lifetime,
                cooldown=settings.jwks_cooldown,
                clock=clock,
            )


def _address(settings: AuthSettings, documents: Documents) -> Callable[[], Awaitable[str]]:
    """Return who knows where the key set is: the settings, or the provider that they name as the issuer."""

    async def told() -> str:
        return str(settings.jwks_url)

    return told if settings.jwks_url else Provider(str(settings.issuer), documents=documents).key_set_url


def _public_key(pem: str) -> PublicKey:
    # Some ways of setting a variable cannot hold a line break.
    text = pem.replace("\\n", "\n").encode()
    try:
        key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidSettings("VIDCTL_AUTH_PUBLIC_KEY: must be a public key in PEM (BEGIN PUBLIC KEY)") from error
    if not isinstance(key, PublicKey):
        raise InvalidSettings("VIDCTL_AUTH_PUBLIC_KEY: must be an RSA, elliptic curve or Ed25519 key")
    return key


def _checked(key: PublicKey | bytes, algorithms: tuple[str, ...], *, variable: str) -> PublicKey | bytes:
    """Find at the start what would otherwise be found with the first token."""
    served = [name for name in algorithms if _fits(key, name)]
    if not served:
        raise InvalidSettings(f"{variable}: is a key for none of {', '.join(algorithms)}; set VIDCTL_AUTH_ALGORITHMS")
    faults = [fault for name in served if (fault := _weakness(key, name)) is not None]
    # An EC key serves the one algorithm of its curve, so that a fault is one only if all algorithms have it.
    if len(faults) == len(served):
        raise InvalidSettings(f"{variable}: {faults[0]}")
    return key


def _weakness(key: PublicKey | bytes, name: str) -> str | None:
    algorithm = jwt.get_algorithm_by_name(name)
    try:
        return algorithm.check_key_length(algorithm.prepare_key(key))
    except jwt.InvalidKeyError as error:
        return str(error)
