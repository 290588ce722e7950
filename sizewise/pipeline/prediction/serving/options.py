"""The options of ``sizewise serve``."""

from __future__ import annotations

from dataclasses import dataclass

from sizewise.core.options.declared import option
from sizewise.core.options.limits import QUEUE, WORKERS
from sizewise.core.options.reading import TEXT, number, whole
from sizewise.pipeline.prediction.pool.options import PoolOptions

_ADDRESS, _LOAD = "Address", "Load"
_MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class ServeOptions(PoolOptions):
    """Where the server listens, and how much it takes on."""

    host: str = option(
        TEXT,
        "127.0.0.1",
        help="Address to listen at; 0.0.0.0 is every one of this machine. There is no password "
        "and no encryption: put a proxy before it.",
        group=_ADDRESS,
    )
    http_port: int = option(
        whole(0), 8000, help="Port of HTTP; 0 takes one that is free.", group=_ADDRESS
    )
    grpc_port: int = option(
        whole(0), 8001, help="Port of gRPC; 0 takes one that is free.", group=_ADDRESS
    )
    name: str = option(
        TEXT, "", help="Name of the model in requests.", group=_ADDRESS, shown="the network's"
    )
    workers: int = option(
        whole(1, WORKERS),
        2,
        help="Requests at work at the same time. Each engine runs one; the others decode and read.",
        group=_LOAD,
    )
    queue: int = option(
        whole(1, QUEUE),
        64,
        help="Requests that may wait. More are refused at once: 503, or RESOURCE_EXHAUSTED.",
        group=_LOAD,
    )
    max_body_mib: float = option(
        number(above=0), 16.0, help="Largest request, in MiB.", group=_LOAD
    )
    max_megapixels: float = option(
        number(above=0),
        50.0,
        help="Largest picture, in millions of pixels. It is not decoded to find out.",
        group=_LOAD,
    )
    client_timeout_s: float = option(
        number(above=0),
        10.0,
        help="Time that a client has to send a request, and to take the answer, in s.",
        group=_LOAD,
    )
    drain_s: float = option(
        number(above=0),
        30.0,
        help="Time to finish accepted requests after Ctrl-C or SIGTERM, in s.",
        group=_LOAD,
    )

    @property
    def max_body_bytes(self) -> int:
        return int(self.max_body_mib * _MIB)

    @property
    def max_pixels(self) -> int:
        return int(self.max_megapixels * 1e6)
