"""Clients that are slow on purpose, or gone: none keeps a connection for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_S = 10.0
"""Time to send the head of a request, from its first byte or from the connection."""


class Impatient(H11Protocol):  # type: ignore[misc] # uvicorn may be absent
    """uvicorn waits for ever for the head of a request; this ends the connection instead."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._start()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._start()
        else:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _start(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEADER_S, self.transport.close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Sending:
    """An application whose clients have ``seconds`` to take each part of an answer."""

    def __init__(self, app: Any, seconds: float) -> None:
        self._app, self._seconds = app, seconds

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def within(message: Any) -> None:
            async with asyncio.timeout(self._seconds):
                await send(message)

        await self._app(scope, receive, within)
