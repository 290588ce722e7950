"""The protocol by gRPC: its messages are those of a library that we did not write."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest

from sizewise.pipeline.prediction.serving.messages import MESSAGES, SERVICE, message
from sizewise.pipeline.prediction.serving.server import Server
from tests.sizewise.pipeline.prediction.serving.servers import Stand, png, serving
from tests.sizewise.pipeline.prediction.serving.servers import call as get

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def server() -> Any:
    with serving(Stand(), max_body_mib=0.25, max_megapixels=0.01) as one:
        yield one


def call(server: Server, name: str, content: bytes, **options: Any) -> Any:
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        answer = channel.unary_unary(f"/{SERVICE}/{name}")(content, timeout=30, **options)
    return message(f"{name}Response").FromString(answer)


def request(content: bytes, **changes: Any) -> bytes:
    image = {"name": "image", "datatype": "BYTES", "shape": [1], **changes}
    given = message("ModelInferRequest")(model_name="echo", id="x")
    given.inputs.add(**image)
    given.raw_input_contents.append(len(content).to_bytes(4, "little") + content)
    return bytes(given.SerializeToString())


def test_messages_are_those_of_the_protocol() -> None:
    """Field by field, against the modules that protoc made for NVIDIA's client."""
    service_pb2 = pytest.importorskip("tritonclient.grpc.service_pb2")

    def fields(kind: Any, depth: int = 0) -> dict[int, Any]:
        return {
            one.number: (
                one.name,
                one.type,
                one.is_repeated,
                bool(one.containing_oneof),
                fields(one.message_type, depth + 1) if one.message_type and depth < 4 else None,
            )
            for one in kind.fields
        }

    ours = [name for name in MESSAGES if name.endswith(("Request", "Response"))]
    assert len(ours) == 12
    for name in ours:
        theirs = fields(getattr(service_pb2, name).DESCRIPTOR)
        for number, found in fields(message(name).DESCRIPTOR).items():
            assert found == theirs[number], name


def test_health_metadata_and_a_picture(server: Server) -> None:
    assert call(server, "ServerLive", b"").live
    assert call(server, "ServerReady", b"").ready
    asked = message("ModelReadyRequest")(name="echo", version="1").SerializeToString()
    assert call(server, "ModelReady", asked).ready
    assert call(server, "ServerMetadata", b"").name == "sizewise"
    said = call(
        server, "ModelMetadata", message("ModelMetadataRequest")(name="echo").SerializeToString()
    )
    assert (said.outputs[0].name, list(said.outputs[0].shape)) == ("boxes", [-1, 4])
    found = call(server, "ModelInfer", request(png(70_000)))
    assert (found.id, found.parameters["engine"].string_param) == ("x", "e0")
    boxes, _, classes = found.raw_output_contents
    assert np.frombuffer(boxes, "<f4").tolist() == [0, 0, 6, 4]
    assert np.frombuffer(classes, "<i8").tolist() == [70_000]


def test_contents_that_are_not_raw(server: Server) -> None:
    given = message("ModelInferRequest")(model_name="echo")
    image = given.inputs.add(name="image", datatype="UINT8", shape=[1, 1, 3])
    image.contents.uint_contents.extend([0, 1, 2])
    found = call(server, "ModelInfer", given.SerializeToString())
    assert np.frombuffer(found.raw_output_contents[2], "<i8").tolist() == [258]
    image.datatype, image.shape[:] = "BYTES", [1]
    image.contents.ClearField("uint_contents")
    image.contents.bytes_contents.append(png(9))
    found = call(server, "ModelInfer", given.SerializeToString())
    assert np.frombuffer(found.raw_output_contents[2], "<i8").tolist() == [9]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xff\xff\xff", grpc.StatusCode.INVALID_ARGUMENT),
        (request(b"hello"), grpc.StatusCode.INVALID_ARGUMENT),
        (request(png(1), shape=[2]), grpc.StatusCode.INVALID_ARGUMENT),
        (request(png(1), shape=[-(2**63)]), grpc.StatusCode.INVALID_ARGUMENT),
        (request(png(1), datatype="UINT8"), grpc.StatusCode.INVALID_ARGUMENT),
        (request(png(1), datatype="FP64"), grpc.StatusCode.INVALID_ARGUMENT),
        (request(png(1, 200, 200)), grpc.StatusCode.INVALID_ARGUMENT),
        (
            message("ModelInferRequest")(model_name="x").SerializeToString(),
            grpc.StatusCode.NOT_FOUND,
        ),
        (request(bytes(400_000)), grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
def test_wrong_requests(server: Server, content: bytes, code: grpc.StatusCode) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(server, "ModelInfer", content)
    assert caught.value.code() is code
    assert "Traceback" not in caught.value.details()


def test_what_grpc_refuses_by_itself_is_counted_where_it_begins() -> None:
    def counted(server: Server) -> tuple[float, float]:
        """Calls that began, and those that were answered."""
        text = get(server, "/metrics").body.decode()
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        begun = sum(float(n) for name, _, n in lines if name == "sizewise_grpc_begun_total")
        ours = (n for name, _, n in lines if name.startswith('sizewise_requests_total{protocol="g'))
        return begun, sum(map(float, ours))

    with serving(Stand(), max_body_mib=0.25) as server:
        call(server, "ServerLive", b"")
        assert counted(server) == (0, 0)
        call(server, "ModelInfer", request(png(1)))
        assert counted(server) == (1, 1)
        for _ in range(2):
            with pytest.raises(grpc.RpcError, match="larger than max"):
                call(server, "ModelInfer", request(bytes(400_000)))
        assert counted(server) == (3, 1)


def test_a_packed_bomb_is_no_larger_than_the_limit(server: Server) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(server, "ModelInfer", request(bytes(60_000_000)), compression=grpc.Compression.Gzip)
    assert caught.value.code() in (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
    )


def test_more_than_the_queue_holds_is_refused() -> None:
    stand = Stand()
    with serving(stand, opened=False, workers=1, queue=1) as server:
        codes: list[Any] = []

        def one(number: int) -> None:
            try:
                found = call(server, "ModelInfer", request(png(number)))
                codes.append(np.frombuffer(found.raw_output_contents[2], "<i8")[0] == number)
            except grpc.RpcError as error:
                trailing = dict(error.trailing_metadata())
                codes.append((error.code(), int(trailing["retry-after"]) >= 1))

        threads = [threading.Thread(target=one, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        end_s = time.monotonic() + 20
        while len(codes) < 4 and time.monotonic() < end_s:
            time.sleep(0.01)
        assert codes == [(grpc.StatusCode.RESOURCE_EXHAUSTED, True)] * 4
        stand.gate.set()
        for thread in threads:
            thread.join()
    assert codes[4:] == [True, True]


def _wait_until(reached: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 20
    while not reached() and time.monotonic() < end_s:
        time.sleep(0.005)
    assert reached()


def test_a_client_that_ends_its_call_is_not_worked_for() -> None:
    stand = Stand()
    with (
        serving(stand, opened=False, workers=1, queue=4) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel,
    ):
        method = channel.unary_unary(f"/{SERVICE}/ModelInfer")
        first = method.future(request(png(1)))
        _wait_until(lambda: stand.at_work == 1)
        second = method.future(request(png(2)))
        _wait_until(lambda: server.desk.taken == 2)
        second.cancel()
        _wait_until(lambda: server.desk.taken == 1)
        stand.gate.set()
        assert message("ModelInferResponse").FromString(first.result(20)).outputs
    assert stand.seen == 1
