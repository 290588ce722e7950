"""More requests than a server can take, from many clients, and what became of each."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np

from sizewise.pipeline.prediction.serving.messages import SERVICE, message
from tests.sizewise.pipeline.prediction.serving.servers import asked

Boxes = list[list[float]]
LOST = 0
"""The status of a request that nobody answered."""
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Picture:
    """The bytes of a file, and the boxes in it."""

    content: bytes
    boxes: Boxes


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What became of a request that was sent ``at_s`` after the first: the status of HTTP (503 for
    gRPC's RESOURCE_EXHAUSTED), and whether the boxes were right or, of one by HTTP, whether it says
    when to come again."""

    at_s: float
    protocol: str
    status: int
    ms: float
    right: bool


@dataclass(frozen=True, kw_only=True)
class Address:
    http_port: int
    grpc_port: int
    model: str


Asking = Callable[[Picture], tuple[int, bool]]
"""Sends a picture: the status, and whether the answer is right."""


def load(
    address: Address,
    pictures: Sequence[Picture],
    *,
    clients: int,
    requests: int = 1_000_000,
    seconds: float = 3600.0,
    per_s: float | None = None,
) -> list[Fate]:
    """Send this many requests, or for this time, half of them by each protocol, and wait for every
    answer.

    With ``per_s``, so many are sent each second, whatever becomes of those before. Without it, each
    of the ``clients`` sends its next request when it has the answer to the last.
    """
    fates: list[Fate] = []
    numbers = itertools.count()
    start_s = time.perf_counter()

    def client(protocol: str) -> None:
        with _asking(address, protocol) as ask:
            while (number := next(numbers)) < requests:
                due_s = number / per_s if per_s else time.perf_counter() - start_s
                if due_s >= seconds:
                    return
                time.sleep(max(0.0, start_s + due_s - time.perf_counter()))
                began_s = time.perf_counter()
                status, right = ask(pictures[number % len(pictures)])
                fates.append(
                    Fate(
                        at_s=began_s - start_s,
                        protocol=protocol,
                        status=status,
                        ms=(time.perf_counter() - began_s) * 1e3,
                        right=right,
                    )
                )

    protocols = (("http", "grpc")[number % 2] for number in range(clients))
    threads = [threading.Thread(target=client, args=(protocol,)) for protocol in protocols]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return fates


@contextmanager
def _asking(address: Address, protocol: str) -> Iterator[Asking]:
    """A client of one thread, with a connection of its own."""
    if protocol == "http":
        connection = http.client.HTTPConnection("127.0.0.1", address.http_port, timeout=_TIMEOUT_S)
        try:
            yield lambda picture: _by_http(connection, address.model, picture)
        finally:
            connection.close()
    else:
        options = [("grpc.use_local_subchannel_pool", 1)]
        target = f"127.0.0.1:{address.grpc_port}"
        with grpc.insecure_channel(target, options=options) as channel:
            method = channel.unary_unary(f"/{SERVICE}/ModelInfer")
            yield lambda picture: _by_grpc(method, address.model, picture)


def _by_http(
    connection: http.client.HTTPConnection, model: str, picture: Picture
) -> tuple[int, bool]:
    body, headers = asked(picture.content)
    try:
        connection.request("POST", f"/v2/models/{model}/infer", body, headers)
        reply = connection.getresponse()
        content = reply.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return LOST, False
    if reply.status != 200:
        return reply.status, int(reply.headers.get("Retry-After", "0")) >= 1
    outputs = {one["name"]: one for one in json.loads(content)["outputs"]}
    flat = outputs["boxes"]["data"]
    boxes = [flat[start : start + 4] for start in range(0, len(flat), 4)]
    return 200, boxes == picture.boxes


def _by_grpc(method: Any, model: str, picture: Picture) -> tuple[int, bool]:
    given: Any = message("ModelInferRequest")(model_name=model)
    given.inputs.add(name="image", datatype="BYTES", shape=[1])
    length = len(picture.content).to_bytes(4, "little")
    given.raw_input_contents.append(length + picture.content)
    try:
        answer = method(given.SerializeToString(), timeout=_TIMEOUT_S, wait_for_ready=True)
    except grpc.RpcError as error:
        said: Any = error  # gRPC itself refuses calls beyond its own limit, without a hint
        return (503, True) if said.code() is grpc.StatusCode.RESOURCE_EXHAUSTED else (LOST, False)
    found: Any = message("ModelInferResponse").FromString(answer)
    boxes = np.frombuffer(found.raw_output_contents[0], "<f4").reshape(-1, 4)
    return 200, boxes.tolist() == picture.boxes
