"""A server of a stand-in for a pool, on loopback, and what tests send to it."""

from __future__ import annotations

import io
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.message import Message
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sizewise.core.specs import Size, TensorSpec
from sizewise.pipeline.prediction.pool.counts import PoolCounts
from sizewise.pipeline.prediction.serving.options import ServeOptions
from sizewise.pipeline.prediction.serving.server import Server

OUTPUTS = (
    TensorSpec(name="boxes", dtype="float32", shape=("count", 4)),
    TensorSpec(name="scores", dtype="float32", shape=("count",)),
    TensorSpec(name="classes", dtype="int64", shape=("count",)),
)
OPTIONS = ServeOptions(http_port=0, grpc_port=0, client_timeout_s=2.0, drain_s=5.0)


@dataclass(frozen=True)
class Echo:
    """One box as large as the picture, whose class is the colour of its first pixel."""

    height: int
    width: int
    number: int
    engine: str = "e0"
    input: Size = field(default=Size(64, 64))

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {
            "boxes": np.array([[0, 0, self.width, self.height]], np.float32),
            "scores": np.array([0.5], np.float32),
            "classes": np.array([self.number], np.int64),
        }


@dataclass
class Stand:
    """A pool that answers when ``gate`` is open, and fails with ``error``."""

    gate: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None
    seen: int = 0
    at_work: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def predict(self, picture: NDArray[np.uint8]) -> Echo:
        with self.lock:
            self.seen += 1
            self.at_work += 1
        try:
            assert self.gate.wait(30)
            if self.error is not None:
                raise self.error
            red, green, blue = (int(one) for one in picture[0, 0])
            return Echo(picture.shape[0], picture.shape[1], (red << 16) + (green << 8) + blue)
        finally:
            with self.lock:
                self.at_work -= 1

    def counts(self) -> PoolCounts:
        return PoolCounts(engines=(), fallbacks=0, memory_mib=0.0)


@contextmanager
def serving(stand: Stand, *, opened: bool = True, **changes: Any) -> Iterator[Server]:
    if opened:
        stand.gate.set()
    server = Server(stand, "echo", OUTPUTS, replace(OPTIONS, **changes))
    try:
        yield server
    finally:
        stand.gate.set()
        server.close()


def png(number: int, height: int = 4, width: int = 6) -> bytes:
    """A picture of one colour, which stands for a number."""
    pixels = np.full((height, width, 3), (number >> 16, number >> 8 & 255, number & 255), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json["error"])


def call(
    server: Server,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    timeout: float = 30,
) -> Reply:
    """GET, or POST where there is a body."""
    url = f"http://127.0.0.1:{server.http_port}{path}"
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=timeout) as reply:
            return Reply(reply.status, reply.headers, reply.read())
    except urllib.error.HTTPError as error:
        return Reply(error.code, error.headers, error.read())


def asked(content: bytes, **changes: Any) -> tuple[bytes, dict[str, str]]:
    """A body with the binary extension, and its headers."""
    raw = len(content).to_bytes(4, "little") + content
    image = {
        "name": "image",
        "datatype": "BYTES",
        "shape": [1],
        "parameters": {"binary_data_size": len(raw)},
    }
    head = json.dumps({"inputs": [image | changes]}).encode()
    return head + raw, {"Inference-Header-Content-Length": str(len(head))}


def infer(server: Server, content: bytes, **changes: Any) -> Reply:
    return call(server, "/v2/models/echo/infer", *asked(content, **changes))


def in_json(**image: Any) -> bytes:
    given = {"name": "image", "datatype": "UINT8", "shape": [1, 1, 3], "data": [1, 2, 3]}
    return json.dumps({"inputs": [given | image]}).encode()
