"""The messages of the Open Inference Protocol's gRPC, described here by their fields.

Classes are made of this table when they are needed: modules that protoc generates are tied to one
range of protobuf's versions. Names, types and numbers are those of the protocol
(https://github.com/kserve/open-inference-protocol, ``open_inference_grpc.proto``).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"
_ONE_OF = "oneof"
_TENSOR = ("name string 1", "datatype string 2", "shape int64* 3")
_FULL = (*_TENSOR, "parameters InferParameter{} 4", "contents InferTensorContents 5")
_MODEL = ("model_name string 1", "model_version string 2", "id string 3")

MESSAGES: dict[str, tuple[str, ...]] = {
    "ServerLiveRequest": (),
    "ServerLiveResponse": ("live bool 1",),
    "ServerReadyRequest": (),
    "ServerReadyResponse": ("ready bool 1",),
    "ModelReadyRequest": ("name string 1", "version string 2"),
    "ModelReadyResponse": ("ready bool 1",),
    "ServerMetadataRequest": (),
    "ServerMetadataResponse": ("name string 1", "version string 2", "extensions string* 3"),
    "ModelMetadataRequest": ("name string 1", "version string 2"),
    "TensorMetadata": _TENSOR,
    "ModelMetadataResponse": (
        *("name string 1", "versions string* 2", "platform string 3"),
        *("inputs TensorMetadata* 4", "outputs TensorMetadata* 5"),
    ),
    "InferParameter": (
        *("bool_param bool 1 oneof", "int64_param int64 2 oneof", "string_param string 3 oneof"),
        *("double_param double 4 oneof", "uint64_param uint64 5 oneof"),
    ),
    "InferTensorContents": (
        *("bool_contents bool* 1", "int_contents int32* 2", "int64_contents int64* 3"),
        *("uint_contents uint32* 4", "uint64_contents uint64* 5", "fp32_contents float* 6"),
        *("fp64_contents double* 7", "bytes_contents bytes* 8"),
    ),
    "InferInputTensor": _FULL,
    "InferRequestedOutputTensor": ("name string 1", "parameters InferParameter{} 2"),
    "InferOutputTensor": _FULL,
    "ModelInferRequest": (
        *(*_MODEL, "parameters InferParameter{} 4", "inputs InferInputTensor* 5"),
        *("outputs InferRequestedOutputTensor* 6", "raw_input_contents bytes* 7"),
    ),
    "ModelInferResponse": (
        *(*_MODEL, "parameters InferParameter{} 4", "outputs InferOutputTensor* 5"),
        "raw_output_contents bytes* 6",
    ),
}
"""Fields as ``name type number``: ``*`` is repeated, ``{}`` a map from text, ``oneof`` one of the
message's choice."""

_Field = descriptor_pb2.FieldDescriptorProto


def message(name: str) -> type[Any]:
    """The class of a message."""
    found: type[Any] = message_factory.GetMessageClass(
        _pool().FindMessageTypeByName(f"{PACKAGE}.{name}")
    )
    return found


@cache
def _pool() -> Any:
    """A pool of our own: another library may have its own description in the usual one."""
    file = descriptor_pb2.FileDescriptorProto(
        name="sizewise/open_inference.proto", package=PACKAGE, syntax="proto3"
    )
    for name, fields in MESSAGES.items():
        described = file.message_type.add(name=name)
        for field in fields:
            _add(described, *field.split())
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def _add(described: Any, name: str, kind: str, number: str, choice: str = "") -> None:
    plain = kind.rstrip("*{}")
    repeated = plain != kind
    field = described.field.add(
        name=name,
        number=int(number),
        label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL,
    )
    if kind.endswith("{}"):
        _add_map(described, field, name, plain)
    else:
        _set_type(field, plain)
    if choice == _ONE_OF:
        if not described.oneof_decl:
            described.oneof_decl.add(name="parameter_choice")
        field.oneof_index = 0


def _add_map(described: Any, field: Any, name: str, kind: str) -> None:
    entry = described.nested_type.add(name=f"{name.title()}Entry")
    entry.options.map_entry = True
    for inner, of, number in (("key", "string", 1), ("value", kind, 2)):
        _set_type(entry.field.add(name=inner, number=number, label=_Field.LABEL_OPTIONAL), of)
    field.type = _Field.TYPE_MESSAGE
    field.type_name = f".{PACKAGE}.{described.name}.{entry.name}"


def _set_type(field: Any, kind: str) -> None:
    if kind in MESSAGES:
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    else:
        field.type = getattr(_Field, f"TYPE_{kind.upper()}")
