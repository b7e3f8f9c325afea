"""The container's health check, against a running service."""

from __future__ import annotations

import asyncio

from tests.process.http_service import Service
from vidctl.healthy import complaint


async def test_a_service_that_is_well_is_let_go_on() -> None:
    async with Service().running() as service:
        assert await asyncio.to_thread(complaint, service.port) is None


async def test_a_service_that_should_be_started_anew_says_why() -> None:
    async with Service(not_alive="the loop stands still").running() as service:
        said = await asyncio.to_thread(complaint, service.port)
        assert said is not None
        assert "the loop stands still" in said


async def test_no_service_is_none_that_is_well() -> None:
    async with Service().running() as service:
        port = service.port
    assert await asyncio.to_thread(complaint, port) is not None
