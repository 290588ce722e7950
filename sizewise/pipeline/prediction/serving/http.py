"""The protocol by HTTP: health, metadata, inference and metrics."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sizewise.pipeline.prediction.serving.bodies import HEADER_LENGTH, read_body, write_body
from sizewise.pipeline.prediction.serving.patience import Sending
from sizewise.pipeline.prediction.serving.prometheus import Metrics
from sizewise.pipeline.prediction.serving.refusing import RefusedError
from sizewise.pipeline.prediction.serving.service import Service
from sizewise.pipeline.prediction.serving.tensors import demand_model

_DISCARDED = 4
"""So many times the largest body, what is refused is read and thrown away, for a client reads no
answer while it sends."""
_DISCARDING_S = 2.0
Handler = Callable[[Request], Awaitable[Response]]


def application(service: Service, metrics: Metrics, *, max_body: int, timeout_s: float) -> Any:
    """The application that uvicorn runs."""
    handlers = _Handlers(service, metrics, max_body, timeout_s)
    model = "/v2/models/{name}"
    versions = (model, model + "/versions/{version}")
    routes = [
        Route("/v2", handlers.server, methods=["GET"]),
        Route("/v2/health/live", handlers.live, methods=["GET"]),
        Route("/v2/health/ready", handlers.ready, methods=["GET"]),
        Route("/metrics", handlers.metrics, methods=["GET"]),
        *(Route(path, handlers.model, methods=["GET"]) for path in versions),
        *(Route(f"{path}/ready", handlers.model_ready, methods=["GET"]) for path in versions),
        *(Route(f"{path}/infer", handlers.infer, methods=["POST"]) for path in versions),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={RefusedError: _refusal, HTTPException: _not_there},
    )
    app.router.redirect_slashes = False
    return Sending(app, timeout_s)


class _Handlers:
    def __init__(self, service: Service, metrics: Metrics, max_body: int, timeout_s: float) -> None:
        self._service, self._metrics = service, metrics
        self._max_body, self._timeout_s = max_body, timeout_s

    async def server(self, request: Request) -> Response:
        del request
        return JSONResponse(self._service.about_server())

    async def live(self, request: Request) -> Response:
        del request
        return JSONResponse({"live": True})

    async def ready(self, request: Request) -> Response:
        del request
        ready = self._service.desk.is_open
        return JSONResponse({"ready": ready}, status_code=200 if ready else 503)

    async def model(self, request: Request) -> Response:
        self._demand(request)
        return JSONResponse(self._service.about_model())

    async def model_ready(self, request: Request) -> Response:
        self._demand(request)
        ready = self._service.desk.is_open
        body = {"name": self._service.name, "ready": ready}
        return JSONResponse(body, status_code=200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        del request
        text = await asyncio.to_thread(self._metrics.text)
        return Response(text, media_type=self._metrics.media_type)

    async def infer(self, request: Request) -> Response:
        """Counted, whatever becomes of it."""
        started, status = time.perf_counter(), 500
        try:
            response = await self._inferred(request)
            status = response.status_code
        except RefusedError as error:
            status = error.status
            raise
        except ClientDisconnect:
            status = 499  # as nginx writes it: nobody is there to read it
            return Response(status_code=400)
        finally:
            self._metrics.count("http", status, time.perf_counter() - started)
        return response

    async def _inferred(self, request: Request) -> Response:
        try:
            self._demand(request)
            self._demand_plain(request)
            place = self._service.desk.place()
        except RefusedError:
            await self._discard(request)
            raise
        with place:
            body = await self._body(request)
            header_length = request.headers.get(HEADER_LENGTH)
            work = place.put(lambda: self._answer(body, header_length))
            try:
                content, json_length = await asyncio.wrap_future(work)
            except RefusedError:
                raise
            except Exception as error:
                raise RefusedError(500, _unexpected(error)) from error
        if json_length is None:
            return Response(content, media_type="application/json")
        headers = {HEADER_LENGTH: str(json_length)}
        return Response(content, media_type="application/octet-stream", headers=headers)

    def _answer(self, body: bytes, header_length: str | None) -> tuple[bytes, int | None]:
        """In a worker's thread, for it takes time to read and write as well."""
        asked = read_body(body, header_length)
        answer = self._service.answer(asked.inputs, tuple(asked.outputs))
        return write_body(answer, asked, self._service.name)

    def _demand(self, request: Request) -> None:
        given = request.path_params
        demand_model(given["name"], given.get("version", ""), served=self._service.name)

    def _demand_plain(self, request: Request) -> None:
        """Raises RefusedError for a body that is packed, or too large by what it says."""
        packed = request.headers.get("content-encoding", "identity").strip().lower()
        if packed not in ("", "identity"):
            raise RefusedError(
                415, f"The body is packed ({packed[:20]}). Send it as it is: pictures are packed."
            )
        length = request.headers.get("content-length", "0")
        if length.isdigit() and (len(length) > 15 or int(length) > self._max_body):
            raise self._too_large()

    def _too_large(self) -> RefusedError:
        return RefusedError(
            413, f"The request has more than {self._max_body:,} bytes. Send a smaller picture."
        )

    async def _body(self, request: Request) -> bytes:
        parts = bytearray()
        try:
            async with asyncio.timeout(self._timeout_s):
                async for part in request.stream():
                    parts += part
                    if len(parts) > self._max_body:
                        break
        except TimeoutError as error:
            raise RefusedError(
                408, f"The request did not come within {self._timeout_s:g} s. Send it faster."
            ) from error
        if len(parts) > self._max_body:
            raise self._too_large()
        return bytes(parts)

    async def _discard(self, request: Request) -> None:
        """Read a body that nobody needs, but not for ever."""
        most = _DISCARDED * self._max_body
        try:
            async with asyncio.timeout(min(_DISCARDING_S, self._timeout_s)):
                async for part in request.stream():
                    most -= len(part)
                    if most < 0:
                        return
        except (TimeoutError, ClientDisconnect):
            return


async def _refusal(request: Request, error: Any) -> Response:
    del request
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    if error.status in (408, 413):
        headers["Connection"] = "close"
    return JSONResponse({"error": error.text}, status_code=error.status, headers=headers)


async def _not_there(request: Request, error: Any) -> Response:
    """A path or a method that is unknown."""
    what = f"{request.method} {request.url.path[:100]}"
    text = f"Nothing answers {what}: {error.detail}. Send POST /v2/models/NAME/infer."
    return JSONResponse({"error": text}, status_code=error.status_code, headers=error.headers)


def _unexpected(error: BaseException) -> str:
    kind = type(error).__name__
    return f"Something unexpected happened: {json.dumps(f'{kind}: {error}')[1:-1]}. Report it."
