"""The server: both protocols before one pool, until it is told to stop."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import uvicorn

from sizewise.core.errors import UsageError
from sizewise.core.holding.closing import Closing
from sizewise.core.options.declared import spelled
from sizewise.core.specs import TensorSpec
from sizewise.pipeline.prediction.serving.desk import Desk
from sizewise.pipeline.prediction.serving.grpc_service import grpc_server
from sizewise.pipeline.prediction.serving.http import application
from sizewise.pipeline.prediction.serving.options import ServeOptions
from sizewise.pipeline.prediction.serving.patience import Impatient
from sizewise.pipeline.prediction.serving.prometheus import Metrics
from sizewise.pipeline.prediction.serving.service import Finding, Service

if TYPE_CHECKING:
    from sizewise.pipeline.prediction.pool.engine_pool import EnginePool

_CONNECTIONS = 1000
_STARTING_S = 30.0
_BACKLOG = 512


class Server(Closing):
    """Serves what ``pool`` finds as the model ``name``, from its making to :meth:`close`.

    Raises UsageError where an address can't be listened at.
    """

    def __init__(
        self, pool: Finding, name: str, outputs: Sequence[TensorSpec], options: ServeOptions
    ) -> None:
        self.name, self._options = name, options
        self._socket = _listening(options.host, options.http_port)
        self.http_port = int(self._socket.getsockname()[1])
        self.desk = Desk(workers=options.workers, waiting=options.queue)
        service = Service(
            name=name,
            pool=pool,
            desk=self.desk,
            outputs=outputs,
            max_pixels=options.max_pixels,
        )
        metrics = Metrics(service)
        self._grpc = grpc_server(service, metrics, max_body=options.max_body_bytes)
        try:
            self.grpc_port = self._listen_grpc()
        except BaseException:
            self._socket.close()
            self.desk.abandon()
            raise
        app = application(
            service,
            metrics,
            max_body=options.max_body_bytes,
            timeout_s=options.client_timeout_s,
        )
        self._uvicorn = uvicorn.Server(_config(app, options))
        self._thread = threading.Thread(target=self._run, name="serve-http", daemon=True)
        self._stopped = threading.Event()
        self._start()

    def wait(self) -> None:
        """Wait until the server stops, or the process is interrupted."""
        self._stopped.wait()

    def close(self) -> None:
        """Take no more requests, finish those that were accepted (for ``drain_s`` at most), and
        stop."""
        if self._stopped.is_set():
            return
        end_s = time.monotonic() + self._options.drain_s
        self.desk.stop()
        self._uvicorn.should_exit = True
        ended = self._grpc.stop(self._options.drain_s)
        self._thread.join(self._options.drain_s + 1)
        ended.wait(max(0.0, end_s - time.monotonic()) + 1)
        self.desk.wait_idle(max(0.0, end_s - time.monotonic()))
        self.desk.abandon()
        self._stopped.set()

    def _start(self) -> None:
        self._grpc.start()
        self._thread.start()
        end_s = time.monotonic() + _STARTING_S
        while not self._uvicorn.started and time.monotonic() < end_s:
            time.sleep(0.005)

    def _run(self) -> None:
        asyncio.run(self._uvicorn.serve(sockets=[self._socket]))

    def _listen_grpc(self) -> int:
        host, port = self._options.host, self._options.grpc_port
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            bound = int(self._grpc.add_insecure_port(address))
        except RuntimeError as error:
            raise _not_listened("grpc_port", host, port, str(error)) from error
        if not bound:
            raise _not_listened("grpc_port", host, port, "the port is taken, or not allowed")
        return bound


def serve_pool(pool: EnginePool, options: ServeOptions) -> Server:
    """A server of an engine pool. Raises UsageError."""
    name = options.name or pool.name
    return Server(pool, name, pool.predictor.array_specs, options)


def _config(app: object, options: ServeOptions) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Impatient,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=max(1, round(options.drain_s)),
    )


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        why = (getattr(error, "strerror", None) or str(error)).lower()
        raise _not_listened("http_port", host, port, why) from error
    return listening


def _not_listened(option: str, host: str, port: int, why: str) -> UsageError:
    return UsageError(
        f"The server can't listen at {host}:{port}",
        why,
        f"Give another {spelled(option)} or {spelled('host')}.",
    )
