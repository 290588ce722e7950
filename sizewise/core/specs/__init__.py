"""The values that the rooms hand to one another: frozen, keyword-only, units in the names."""

from __future__ import annotations

from sizewise.core.specs.engines import (
    Achieved,
    BackendOptions,
    BatchRange,
    BuiltEngine,
    EngineArtifact,
    EngineMemory,
    EngineSpec,
    LayerPrecision,
    Profile,
    Strategy,
    computes,
    is_product,
)
from sizewise.core.specs.further import FurtherInput, SaidInput
from sizewise.core.specs.models import (
    BESIDE_LAYOUT,
    FINAL_LAYOUT,
    FINAL_LAYOUTS,
    NMS_LAYOUT,
    RAW_LAYOUT,
    SEPARATE_LAYOUT,
    Calibration,
    Deviation,
    Dimension,
    ExportedModel,
    ImageInput,
    ModelCard,
    ParityCheck,
    TaskName,
    TensorSpec,
)
from sizewise.core.specs.parts import WHOLE, Part, divided
from sizewise.core.specs.preprocessing import RGB, Order, Preprocessing
from sizewise.core.specs.sizes import Size, Sizes
from sizewise.core.specs.suppression import EVALUATION, Suppression

__all__ = [
    "BESIDE_LAYOUT",
    "EVALUATION",
    "FINAL_LAYOUT",
    "FINAL_LAYOUTS",
    "NMS_LAYOUT",
    "RAW_LAYOUT",
    "RGB",
    "SEPARATE_LAYOUT",
    "WHOLE",
    "Achieved",
    "BackendOptions",
    "BatchRange",
    "BuiltEngine",
    "Calibration",
    "Deviation",
    "Dimension",
    "EngineArtifact",
    "EngineMemory",
    "EngineSpec",
    "ExportedModel",
    "FurtherInput",
    "ImageInput",
    "LayerPrecision",
    "ModelCard",
    "Order",
    "ParityCheck",
    "Part",
    "Preprocessing",
    "Profile",
    "SaidInput",
    "Size",
    "Sizes",
    "Strategy",
    "Suppression",
    "TaskName",
    "TensorSpec",
    "computes",
    "divided",
    "is_product",
]
