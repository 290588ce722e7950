"""Four times what a server can take, for a minute: the record of docs/serve.md.

``python -m tests.sizewise.pipeline.prediction.serving.overload [SECONDS]`` starts ``sizewise
serve`` in a process of its own, measures how many pictures it answers a second, sends four times as
many, and writes ``reports/measured/serving-overload.json``: the fate of each request.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from docs.make.method.records import now, origin
from docs.make.recorded import write_record
from sizewise.pipeline.prediction.pool.engine_pool import EnginePool
from tests.sizewise.pipeline.prediction.beside_session import beside_session
from tests.sizewise.pipeline.prediction.pools import built, rectangle
from tests.sizewise.pipeline.prediction.serving.loading import (
    LOST,
    Address,
    Fate,
    Picture,
    load,
)

RECORD = "serving-overload"
OVER = 4
SIDES = "320,640"
_PICTURES = 24
_CALM, _CALM_S = 16, 10.0
"""Clients that keep the server busy, each with one request at a time, and for how long."""
_TURNS = 2000
_CLIENTS = 160
"""More than the places of the server: those that are refused come back at once."""
_MAIN = "from sizewise.cli import main; main()"
_GAUGES = re.compile(r"^sizewise_requests_(taken|most) (\S+)$", re.MULTILINE)


def main() -> None:
    seconds = float(sys.argv[1]) if sys.argv[1:] else 60.0
    record = measured(seconds=seconds)
    write_record(RECORD, record)
    said = {name: one for name, one in record["overload"].items() if name != "fates"}
    sys.stdout.write(f"{json.dumps(said, indent=1)}\n")


def measured(*, seconds: float) -> dict[str, Any]:
    """The record of one run."""
    started = now()
    with TemporaryDirectory() as folder:
        engines = [str(one.path) for one in built(Path(folder), SIDES)]
        pictures = _pictures(engines)
        with _serving(engines) as (address, places):
            calm = load(address, pictures, clients=_CALM, seconds=_CALM_S)
            per_s = sum(one.status == 200 for one in calm) / _CALM_S
            with _watched(address) as taken:
                fates = load(
                    address, pictures, clients=_CLIENTS, seconds=seconds, per_s=OVER * per_s
                )
    return {
        **origin(),
        "started": started,
        "ended": now(),
        "load_1min": os.getloadavg()[0],
        "sizes": SIDES,
        "pool": _pool(),
        "calm": _summed(calm, _CALM_S) | {"per_s": per_s},
        "overload": {
            **_summed(fates, seconds),
            "sent_per_s": len(fates) / seconds,
            "most_taken": max(taken),
            "places": places,
            "fates": _columns(fates),
        },
    }


def _pool() -> dict[str, float]:
    """Microseconds of a small picture by an engine's session, and by an engine pool."""
    with TemporaryDirectory() as folder:
        bare_s, pooled_s = beside_session(Path(folder), _TURNS)
    return {"turns": _TURNS, "session_us": bare_s * 1e6, "pool_us": pooled_s * 1e6}


def _summed(fates: Sequence[Fate], seconds: float) -> dict[str, Any]:
    served = [one.ms for one in fates if one.status == 200]
    refused = [one.ms for one in fates if one.status == 503]
    return {
        "seconds": seconds,
        "requests": len(fates),
        "served": len(served),
        "refused": len(refused),
        "wrong": sum(not one.right for one in fates if one.status in (200, 503)),
        "lost": sum(one.status == LOST for one in fates),
        "other": sum(one.status not in (200, 503, LOST) for one in fates),
        "served_ms": _quantiles(served),
        "refused_ms": _quantiles(refused),
    }


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    return {f"p{q}": round(float(np.percentile(values or [0.0], q)), 3) for q in (50, 99, 100)}


def _columns(fates: Sequence[Fate]) -> dict[str, list[Any]]:
    ordered = sorted(fates, key=lambda one: one.at_s)
    return {
        "at_s": [round(one.at_s, 4) for one in ordered],
        "protocol": [one.protocol for one in ordered],
        "status": [one.status for one in ordered],
        "ms": [round(one.ms, 2) for one in ordered],
        "right": [one.right for one in ordered],
    }


def _pictures(engines: Sequence[str]) -> list[Picture]:
    """PNG files of many sizes, and the boxes that an engine pool of this process finds in them."""
    random = np.random.default_rng(0)
    made = []
    with EnginePool(engines) as pool:
        for number in range(_PICTURES):
            height, width = (int(side) for side in random.integers(240, 1400, 2))
            file = io.BytesIO()
            Image.fromarray(rectangle(height, width, seed=number)).save(file, "PNG")
            found = pool.predict(file.getvalue()).arrays()["boxes"]
            made.append(Picture(file.getvalue(), found.tolist()))
    return made


@contextmanager
def _serving(engines: Sequence[str]) -> Iterator[tuple[Address, int]]:
    """``sizewise serve`` with these engines, and how many places it has."""
    ports = ("--http-port", "0", "--grpc-port", "0")
    process = subprocess.Popen(
        [sys.executable, "-c", _MAIN, "serve", *engines, *ports, "--json", "--quiet"],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            text = ""
            while not text or text.count("{") > text.count("}"):
                line = process.stdout.readline()
                assert line, "the server ended"
                text += line
            said = json.loads(text)
            address = Address(
                http_port=int(said["http"].rpartition(":")[2]),
                grpc_port=int(said["grpc"].rpartition(":")[2]),
                model=said["model"],
            )
            yield address, int(_gauges(address)["most"])
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        finally:
            process.kill()


@contextmanager
def _watched(address: Address) -> Iterator[list[float]]:
    """How many requests are taken, ten times a second."""
    taken = [0.0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            taken.append(_gauges(address)["taken"])

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield taken
    finally:
        done.set()
        thread.join()


def _gauges(address: Address) -> dict[str, float]:
    url = f"http://127.0.0.1:{address.http_port}/metrics"
    with urllib.request.urlopen(url, timeout=30) as reply:
        return {name: float(value) for name, value in _GAUGES.findall(reply.read().decode())}


if __name__ == "__main__":
    main()
