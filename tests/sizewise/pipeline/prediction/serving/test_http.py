"""The protocol by HTTP, with requests as they should be and as they should not."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sizewise.core.errors import InferenceError, UsageError
from sizewise.pipeline.prediction.serving import patience
from sizewise.pipeline.prediction.serving.server import Server
from tests.sizewise.pipeline.prediction.serving.servers import (
    Stand,
    asked,
    call,
    in_json,
    infer,
    png,
    serving,
)

pytestmark = pytest.mark.timeout(60)
INFER = "/v2/models/echo/infer"


@pytest.fixture(scope="module")
def server() -> Any:
    with serving(Stand(), max_body_mib=0.25, max_megapixels=0.01) as one:
        yield one


def test_health_and_metadata(server: Server) -> None:
    assert call(server, "/v2/health/live").json == {"live": True}
    assert call(server, "/v2/health/ready").json == {"ready": True}
    assert call(server, "/v2").json["extensions"] == ["binary_tensor_data"]
    for path in ("/v2/models/echo", "/v2/models/echo/versions/1"):
        said = call(server, path).json
        assert (said["name"], said["versions"]) == ("echo", ["1"])
        assert said["inputs"] == [{"name": "image", "datatype": "BYTES", "shape": [1]}]
        assert said["outputs"][0] == {"name": "boxes", "datatype": "FP32", "shape": [-1, 4]}
        assert call(server, f"{path}/ready").json == {"name": "echo", "ready": True}


def test_a_picture_in_each_form(server: Server) -> None:
    pixels = np.frombuffer(bytes([0, 1, 2] * 24), np.uint8).reshape(4, 6, 3)
    text = base64.b64encode(png(258)).decode()
    raw = {"datatype": "UINT8", "shape": [4, 6, 3], "parameters": {"binary_data_size": 72}}
    head = json.dumps({"inputs": [{"name": "image", **raw}], "id": "x"}).encode()
    binary = {"Inference-Header-Content-Length": str(len(head))}
    for body, headers in (
        asked(png(258)),
        (in_json(datatype="BYTES", shape=[1], data=[text]), {}),
        (in_json(shape=[4, 6, 3], data=pixels.tolist()), {}),
        (in_json(shape=[1, 4, 6, 3], data=pixels.reshape(-1).tolist()), {}),
        (head + pixels.tobytes(), binary),
    ):
        said = call(server, f"/v2/models/echo/versions/1{INFER[-6:]}", body, headers).json
        assert (said["model_name"], said["model_version"]) == ("echo", "1")
        assert said["parameters"] == {"engine": "e0", "input_size": "64x64"}
        outputs = {one["name"]: one for one in said["outputs"]}
        assert outputs["boxes"]["data"] == [0, 0, 6, 4]
        assert outputs["boxes"]["shape"] == [1, 4]
        assert outputs["classes"]["data"] == [258]
        assert said.get("id") in (None, "x")


def test_outputs_as_they_are_wanted(server: Server) -> None:
    body = json.loads(in_json())
    body["outputs"] = [{"name": "scores"}, {"name": "boxes", "parameters": {"binary_data": True}}]
    reply = call(server, INFER, json.dumps(body).encode())
    end = int(reply.headers["Inference-Header-Content-Length"])
    scores, boxes = json.loads(reply.body[:end])["outputs"]
    assert (scores["name"], scores["data"]) == ("scores", [0.5])
    assert boxes["parameters"] == {"binary_data_size": 16}
    assert np.frombuffer(reply.body[end:], "<f4").tolist() == [0, 0, 1, 1]


_WRONG: dict[str, tuple[bytes, dict[str, str]]] = {
    "no JSON": (b"{", {}),
    "not UTF-8": (b'{"inputs": "\xff"}', {}),
    "nested without end": (b'{"id":' + b"[" * 100_000, {}),
    "no inputs": (b'{"inputs": []}', {}),
    "another name": (in_json(name="x"), {}),
    "two inputs": (json.dumps({"inputs": json.loads(in_json())["inputs"] * 2}).encode(), {}),
    "another type": (in_json(datatype="FP32"), {}),
    "a shape that is none": (in_json(shape="x"), {}),
    "a negative shape": (in_json(shape=[-1, -1, 3]), {}),
    "a huge shape": (in_json(shape=[10**9, 10**9, 3]), {}),
    "a number beyond 64 bits": (in_json(shape=[10**30, 1, 3]), {}),
    "four channels": (in_json(shape=[1, 1, 4], data=[1, 2, 3, 4]), {}),
    "too few values": (in_json(data=[1, 2]), {}),
    "values that are no bytes": (in_json(data=[1, 2, 300]), {}),
    "values that are no numbers": (in_json(data=["a", "b", "c"]), {}),
    "ragged values": (in_json(data=[[1], [2, 3]]), {}),
    "no values": (in_json(data=None), {}),
    "no base64": (in_json(datatype="BYTES", shape=[1], data=["*"]), {}),
    "two texts": (in_json(datatype="BYTES", shape=[2], data=["YQ==", "YQ=="]), {}),
    "no picture": asked(b"hello"),
    "half a picture": asked(png(1, 90, 90)[:60]),
    "a length that lies": (asked(png(1))[0][:-1], asked(png(1))[1]),
    "a length beyond the body": (b"{}", {"Inference-Header-Content-Length": "99"}),
    "a length that is none": (b"{}", {"Inference-Header-Content-Length": "-1"}),
    "bytes left over": (
        in_json() + b"xx",
        {"Inference-Header-Content-Length": str(len(in_json()))},
    ),
    "an element that lies": asked(png(1), shape=[3]),
    "more pixels than the limit": asked(png(1, 200, 200)),
    "an output that is not there": (
        json.dumps(json.loads(in_json()) | {"outputs": [{"name": "x"}]}).encode(),
        {},
    ),
}


@pytest.mark.parametrize("case", _WRONG)
def test_wrong_requests_are_the_clients(server: Server, case: str) -> None:
    reply = call(server, INFER, *_WRONG[case])
    assert reply.status == 400, reply.body
    assert reply.error.endswith(".")
    assert "Traceback" not in reply.error


def test_a_bomb_is_not_decoded(server: Server) -> None:
    """A PNG of 1.6 gigapixels in a few bytes: its head alone is read."""
    import struct
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 9))
    reply = infer(server, bomb + chunk(b"IEND", b""))
    assert reply.status == 400
    assert "pixels" in reply.error


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/models/other/infer", 404),
        ("/v2/models/echo/versions/2/infer", 404),
        ("/v2/models/echo/nothing", 404),
        ("/v2/health/live", 405),
    ],
)
def test_what_is_not_there(server: Server, path: str, status: int) -> None:
    reply = call(server, path, in_json())
    assert (reply.status, bool(reply.error)) == (status, True)


def test_large_and_packed_bodies_are_refused(server: Server) -> None:
    reply = call(server, INFER, bytes(300_000))
    assert reply.status == 413
    assert "262,144 bytes" in reply.error
    assert call(server, INFER, b"x", {"Content-Encoding": "gzip"}).status == 415
    chunks = (b"%x\r\n%s\r\n" % (65_536, bytes(65_536)) for _ in range(5))
    with socket.create_connection(("127.0.0.1", server.http_port)) as client:
        client.sendall(
            b"POST /v2/models/echo/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for one in chunks:
            client.sendall(one)
        assert b" 413 " in client.recv(64)


def test_slow_clients_do_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a head, with half of one, and with a body that never ends."""
    monkeypatch.setattr(patience, "HEADER_S", 0.3)
    with serving(Stand(), client_timeout_s=0.3) as server:
        for sent, answer in (
            (b"", b""),
            (b"POST /v2/mod", b""),
            (
                b"POST /v2/models/echo/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
                b" 408 ",
            ),
        ):
            with socket.create_connection(("127.0.0.1", server.http_port), timeout=20) as client:
                client.sendall(sent)
                received = b""
                while part := client.recv(4096):
                    received += part
            assert answer in received
        assert server.desk.taken == 0
        assert infer(server, png(7)).status == 200


def test_a_client_that_leaves_gives_its_place_back(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.http_port)) as client:
        client.sendall(
            b"POST /v2/models/echo/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
        )
        end_s = time.monotonic() + 20
        while not server.desk.taken and time.monotonic() < end_s:
            time.sleep(0.005)
        assert server.desk.taken == 1
    assert server.desk.wait_idle(20)


def test_a_failure_of_the_engines_is_the_servers() -> None:
    stand = Stand(error=InferenceError("No engine could run it", "all failed", "Look above."))
    with serving(stand) as server:
        reply = infer(server, png(1))
        assert (reply.status, reply.error) == (
            500,
            "No engine could run it: all failed. Look above.",
        )
        stand.error = ZeroDivisionError("x")
        reply = infer(server, png(1))
        assert reply.status == 500
        assert "Something unexpected happened: ZeroDivisionError: x" in reply.error


def test_more_than_the_queue_holds_is_refused_and_nothing_is_lost() -> None:
    """One at work, two wait; the other five are told when to come again."""
    stand = Stand()
    with serving(stand, opened=False, workers=1, queue=2) as server:
        replies: dict[int, Any] = {}
        threads = [
            threading.Thread(target=lambda n=n: replies.update({n: infer(server, png(n))}))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        end_s = time.monotonic() + 20
        while (len(replies) < 5 or not stand.seen) and time.monotonic() < end_s:
            time.sleep(0.01)
        assert [reply.status for reply in replies.values()] == [503] * 5
        assert all(int(reply.headers["Retry-After"]) >= 1 for reply in replies.values())
        assert (server.desk.taken, server.desk.places, stand.seen) == (3, 3, 1)
        stand.gate.set()
        for thread in threads:
            thread.join()
        served = {n: r for n, r in replies.items() if r.status == 200}
        assert len(served) == 3
        for number, reply in served.items():
            assert reply.json["outputs"][2]["data"] == [number]
        text = call(server, "/metrics").body.decode()
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values["sizewise_requests_total", "http", "503"] == 5
    assert values["sizewise_requests_total", "http", "200"] == 3
    assert values["sizewise_request_seconds_count", "http"] == 3
    assert values["sizewise_requests_refused_total",] == 5
    assert values["sizewise_requests_most",] == 3


def test_what_was_accepted_is_finished_after_the_server_was_told_to_stop() -> None:
    stand = Stand()
    with serving(stand, opened=False, workers=1, queue=4) as server:
        replies: list[Any] = []
        threads = [
            threading.Thread(target=lambda n=n: replies.append((n, infer(server, png(n)))))
            for n in range(3)
        ]
        for thread in threads:
            thread.start()
        end_s = time.monotonic() + 20
        while server.desk.taken < 3 and time.monotonic() < end_s:
            time.sleep(0.005)
        closing = threading.Thread(target=server.close)
        closing.start()
        while server.desk.is_open:
            time.sleep(0.005)
        stand.gate.set()
        closing.join()
        for thread in threads:
            thread.join()
    assert sorted(n for n, _ in replies) == [0, 1, 2]
    assert all(r.json["outputs"][2]["data"] == [n] for n, r in replies)


def test_a_port_that_is_taken_is_a_sentence(server: Server) -> None:
    for option in ("http_port", "grpc_port"):
        with (
            pytest.raises(UsageError, match=f"can't listen at 127.0.0.1.*{option}"),
            serving(Stand(), **{option: getattr(server, option)}),
        ):
            pass
