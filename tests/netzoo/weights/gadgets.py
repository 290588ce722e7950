"""Pickles that make a file when they are loaded, and the files in which a pickle can come."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

Gadget = tuple[str, str, tuple[object, ...]]
Form = Callable[[str, str, tuple[object, ...]], bytes]
Place = Callable[[bytes], bytes]
GADGETS = 22


def gadgets(canary: Path) -> list[Gadget]:
    """Functions that make ``canary`` when they are called: module, name, arguments."""
    at = str(canary)
    code = f"open({at!r}, 'w').close()"
    script = canary.with_name("script.py")
    script.write_text(code)
    return [
        ("os", "system", (f"touch '{at}'",)),
        ("posix", "system", (f"touch '{at}'",)),
        ("os", "mkdir", (at,)),
        ("os", "makedirs", (at,)),
        ("os", "symlink", ("/", at)),
        ("subprocess", "call", (["touch", at],)),
        ("subprocess", "check_output", (["touch", at],)),
        ("builtins", "eval", (code,)),
        ("builtins", "exec", (code,)),
        ("__builtin__", "exec", (code,)),
        ("builtins", "open", (at, "w")),
        ("io", "open", (at, "w")),
        ("codecs", "open", (at, "w")),
        ("shutil", "copyfile", (str(script), at)),
        ("runpy", "run_path", (str(script),)),
        ("timeit", "timeit", ("pass", code)),
        ("cProfile", "run", (code,)),
        ("zipfile", "ZipFile", (at, "w")),
        ("logging", "FileHandler", (at,)),
        ("torch", "save", (0, at)),
        ("torch.serialization", "save", (0, at)),
        ("numpy", "savetxt", (at, [0])),
    ]


def plain(value: object) -> bytes:
    """The opcodes that push a value."""
    return pickle.dumps(value, 2)[2:-1]


def reduced(module: str, name: str, arguments: tuple[object, ...]) -> bytes:
    return f"c{module}\n{name}\n".encode() + plain(arguments) + b"R"


def stacked(module: str, name: str, arguments: tuple[object, ...]) -> bytes:
    return plain(module) + plain(name) + b"\x93" + plain(arguments) + b"R"


def instance(module: str, name: str, arguments: tuple[object, ...]) -> bytes:
    return b"(" + b"".join(map(plain, arguments)) + f"i{module}\n{name}\n".encode()


def called(module: str, name: str, arguments: tuple[object, ...]) -> bytes:
    return b"(" + f"c{module}\n{name}\n".encode() + b"".join(map(plain, arguments)) + b"o"


def made(module: str, name: str, arguments: tuple[object, ...]) -> bytes:
    return f"c{module}\n{name}\n".encode() + plain(arguments) + b"\x81"


def as_item(module: str, name: str, arguments: tuple[object, ...]) -> bytes:
    """In a dict, under the name of a tensor."""
    pair = plain("weight") + reduced(module, name, arguments)
    return b"ccollections\nOrderedDict\n)R(" + pair + b"u"


def nested(module: str, name: str, arguments: tuple[object, ...]) -> bytes:
    """As training frameworks write it: the state dict in a dict, beside other things."""
    state = b"}" + plain("model") + b"]" + reduced(module, name, arguments) + b"as"
    return b"}" + plain("epoch") + plain(3) + b"s" + plain("state_dict") + state + b"s"


def persistent(module: str, name: str, arguments: tuple[object, ...]) -> bytes:
    return b"(" + plain("storage") + reduced(module, name, arguments) + b"tQ"


FORMS: tuple[Form, ...] = (
    *(reduced, stacked, instance, called),
    *(made, as_item, nested, persistent),
)


def pickled(gadget: Gadget, form: Form) -> bytes:
    return b"\x80\x02" + form(*gadget) + b"."


def bare(content: bytes) -> bytes:
    return content


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("net/data.pkl", content)
        archive.writestr("net/byteorder", "little")
        archive.writestr("net/version", "3\n")
    return file.getvalue()


def legacy(content: bytes) -> bytes:
    """The format before PyTorch 1.6: several pickles in a row."""
    magic, version, system = 0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}
    return b"".join(pickle.dumps(one, 2) for one in (magic, version, system)) + content


def tarred(content: bytes) -> bytes:
    """The format before PyTorch 0.1.10, which is still read."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("storages", "tensors", "pickle", "sys_info"):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def in_safetensors(content: bytes) -> bytes:
    """In the metadata, and as the bytes of a tensor: a sound file, in which nobody looks for it."""
    import torch
    from safetensors.torch import save

    held = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    return save({"a": held}, metadata={"sizewise": content.decode("latin-1")})


def array_of_objects(content: bytes) -> bytes:
    file = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": (1,)}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + content


def arrays_of_objects(content: bytes) -> bytes:
    """As ``numpy.savez`` writes them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("arr_0.npy", array_of_objects(content))
    return file.getvalue()


PLACES: tuple[Place, ...] = (
    *(zipped, bare, legacy, tarred),
    *(in_safetensors, array_of_objects, arrays_of_objects),
)
