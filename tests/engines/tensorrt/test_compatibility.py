from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.registry import find_backend
from engines.tensorrt.compatibility import is_newer, target_of
from engines.tensorrt.options import DataCentreOptions, RtxOptions
from sizewise.core.machine.nvidia import Device, Devices
from sizewise.core.specs import EngineSpec

L4 = Device(name="NVIDIA L4", capability="8.9", memory_bytes=24 * 2**30)
L40 = Device(name="NVIDIA L40", capability="8.9", memory_bytes=48 * 2**30)
H100 = Device(name="NVIDIA H100", capability="9.0", memory_bytes=80 * 2**30)
NONE = Devices(reason="no NVIDIA driver is installed")


def _with(*devices: Device) -> Devices:
    return Devices(found=devices, driver="580.1", cuda="13.0")


@pytest.mark.parametrize(
    ("hardware", "same"),
    [
        ("this", {"L4"}),
        ("same_capability", {"L4", "L40"}),
        ("ampere_plus", {"L4", "L40", "H100", "none"}),
    ],
)
def test_a_plan_is_for_the_gpus_that_its_hardware_says(hardware: str, same: set[str]) -> None:
    options = DataCentreOptions(hardware=hardware)  # type: ignore[arg-type]
    machines = {"L4": _with(L4), "L40": _with(L40), "H100": _with(H100), "none": NONE}
    built = target_of(options, _with(L4, H100))
    assert {n for n, devices in machines.items() if target_of(options, devices) == built} == same


def test_a_plan_for_rtx_goes_wherever_its_capabilities_are() -> None:
    options = RtxOptions(capabilities=("8.9", "12.0"))
    assert target_of(options, NONE) == target_of(options, _with(L4))
    assert target_of(options, NONE) != target_of(RtxOptions(), NONE)


_VERSIONS = st.tuples(*[st.integers(0, 20)] * 4)


@given(_VERSIONS, _VERSIONS)
def test_version_compatible_plans_are_opened_by_newer_ones_of_the_same_major(
    here: tuple[int, ...], built: tuple[int, ...]
) -> None:
    texts = [".".join(map(str, version)) for version in (here, built)]
    assert is_newer(*texts) == (here[0] == built[0] and here[1:] >= built[1:])


@pytest.mark.parametrize("name", ["tensorrt", "tensorrt_rtx"])
def test_only_plans_made_for_it_are_opened_by_other_versions(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = find_backend(name)
    monkeypatch.setattr(type(backend), "version", lambda _: "10.13.3")

    def spec(**options: bool) -> EngineSpec:
        return EngineSpec(
            backend=name,
            strategy="static",
            profiles=(),
            options=backend.options_type(**options),
        )

    assert backend.opens("10.13.3", spec())
    assert not backend.opens("10.9.0", spec())
    assert backend.opens("10.9.0", spec(version_compatible=True))
    assert not backend.opens("10.14.0", spec(version_compatible=True))
