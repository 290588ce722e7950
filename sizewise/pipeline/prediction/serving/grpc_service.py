"""The protocol by gRPC."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError

from sizewise.pipeline.prediction.serving.bodies import raw_of
from sizewise.pipeline.prediction.serving.messages import SERVICE, message
from sizewise.pipeline.prediction.serving.prometheus import Metrics
from sizewise.pipeline.prediction.serving.refusing import RefusedError, wrong
from sizewise.pipeline.prediction.serving.service import Answer, Service
from sizewise.pipeline.prediction.serving.tensors import (
    DATATYPES,
    VERSION,
    Given,
    demand_model,
)

_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    404: grpc.StatusCode.NOT_FOUND,
    499: grpc.StatusCode.CANCELLED,
    503: grpc.StatusCode.RESOURCE_EXHAUSTED,
}
_BESIDE = 32
"""Calls beside those that have a place: health, metadata, and those that are refused. gRPC refuses
what is beyond these by itself, for it holds a message in memory before it calls us."""
_INFER = "ModelInfer"
_OVERHEAD = 2**16
"""Bytes of a message beside its picture."""


def grpc_server(service: Service, metrics: Metrics, *, max_body: int) -> grpc.Server:
    """A server of the protocol, which listens nowhere yet."""
    calls = service.desk.places + _BESIDE
    server = grpc.server(
        ThreadPoolExecutor(calls, thread_name_prefix="serve-grpc"),
        maximum_concurrent_rpcs=calls,
        interceptors=[_Begun(metrics)],
        options=[
            ("grpc.max_receive_message_length", max_body + _OVERHEAD),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 10_000),
        ],
    )
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(handler)
        for name, handler in _handlers(service, metrics).items()
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    return server


class _Begun(grpc.ServerInterceptor):  # type: ignore[misc] # it may be absent
    """Counts calls when they begin: gRPC refuses some by itself later, and says so to nobody else
    than the client."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:
        if details.method == f"/{SERVICE}/{_INFER}":
            self._metrics.begin()
        return continuation(details)


def _handlers(
    service: Service, metrics: Metrics
) -> dict[str, Callable[[bytes, grpc.ServicerContext], bytes]]:
    """Messages come and go as bytes: what can't be read is refused here, with a sentence."""

    def ready(given: Any) -> bool:
        demand_model(given.name, given.version, served=service.name)
        return service.desk.is_open

    def about_model(given: Any) -> dict[str, Any]:
        demand_model(given.name, given.version, served=service.name)
        return service.about_model()

    answers: dict[str, Callable[[Any], dict[str, Any]]] = {
        "ServerLive": lambda _: {"live": True},
        "ServerReady": lambda _: {"ready": service.desk.is_open},
        "ModelReady": lambda given: {"ready": ready(given)},
        "ServerMetadata": lambda _: service.about_server(),
        "ModelMetadata": about_model,
    }
    plain = {name: _plain(name, answer) for name, answer in answers.items()}
    return {**plain, _INFER: _inferring(service, metrics)}


def _plain(
    name: str, answer: Callable[[Any], dict[str, Any]]
) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    def handle(given: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            said = answer(_read(f"{name}Request", given))
        except RefusedError as error:
            _abort(context, error)
        content: bytes = message(f"{name}Response")(**said).SerializeToString()
        return content

    return handle


def _inferring(
    service: Service, metrics: Metrics
) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    def handle(given: bytes, context: grpc.ServicerContext) -> bytes:
        started, status = time.perf_counter(), 500
        try:
            with service.desk.place() as place:
                work = place.put(lambda: _infer(service, given))
                context.add_callback(work.cancel)  # nobody waits for the answer any more
                answer = work.result()
            status = 200
            return answer
        except CancelledError:
            status = 499
            _abort(context, RefusedError(status, "The client ended the call."))
        except RefusedError as error:
            status = error.status
            _abort(context, error)
        except Exception as error:  # noqa: BLE001 - the edge: a client gets no traceback
            text = f"Something unexpected happened: {type(error).__name__}: {error}. Report it."
            _abort(context, RefusedError(500, text))
        finally:
            metrics.count("grpc", status, time.perf_counter() - started)

    return handle


def _infer(service: Service, given: bytes) -> bytes:
    """In a worker's thread."""
    request = _read("ModelInferRequest", given)
    demand_model(request.model_name, request.model_version, served=service.name)
    answer = service.answer(_inputs(request), [one.name for one in request.outputs])
    return _written(answer, request.id, service.name)


def _inputs(request: Any) -> tuple[Given, ...]:
    raws = request.raw_input_contents
    if raws and len(raws) != len(request.inputs):
        raise wrong(
            f"There are {len(raws)} raw_input_contents for {len(request.inputs)} inputs. Give one "
            "for each."
        )
    return tuple(
        Given(
            name=one.name,
            datatype=one.datatype,
            shape=tuple(one.shape),
            raw=raws[place] if raws else None,
            elements=None if raws else _elements(one),
        )
        for place, one in enumerate(request.inputs)
    )


def _elements(one: Any) -> list[Any]:
    if one.datatype != "BYTES":
        return list(one.contents.uint_contents)
    found = list(one.contents.bytes_contents)
    if len(found) != 1:
        raise wrong(f"{one.name[:50]!r} has {len(found)} elements of BYTES, and 1 is taken.")
    return found


def _written(answer: Answer, number: str, name: str) -> bytes:
    said = message("ModelInferResponse")(model_name=name, model_version=VERSION, id=number)
    for key, value in answer.parameters.items():
        said.parameters[key].string_param = value
    for output, array in answer.arrays.items():
        said.outputs.add(name=output, datatype=DATATYPES[array.dtype.name], shape=array.shape)
        said.raw_output_contents.append(raw_of(array))
    content: bytes = said.SerializeToString()
    return content


def _read(name: str, content: bytes) -> Any:
    try:
        return message(name).FromString(content)
    except DecodeError as error:
        raise wrong(f"The message is no {name}: {error}.") from error


def _abort(context: grpc.ServicerContext, error: RefusedError) -> NoReturn:
    if error.retry_after_s is not None:
        context.set_trailing_metadata((("retry-after", str(error.retry_after_s)),))
    context.abort(_CODES.get(error.status, grpc.StatusCode.INTERNAL), error.text)
    raise AssertionError  # abort has raised
