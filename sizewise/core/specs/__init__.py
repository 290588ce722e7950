"""The values that the rooms hand to one another: frozen, keyword-only, units in the names."""

from __future__ import annotations

from sizewise.core.specs.cards import (
    BESIDE_LAYOUT,
    FINAL_LAYOUT,
    FINAL_LAYOUTS,
    INDEXED_LAYOUT,
    NMS_LAYOUT,
    ONE_CLASS_LAYOUTS,
    RAW_LAYOUT,
    SEPARATE_LAYOUT,
    TENSORFLOW_LAYOUT,
    Calibration,
    Deviation,
    KeptLayer,
    ModelCard,
    ParityCheck,
    TaskName,
)
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
from sizewise.core.specs.models import Dimension, ExportedModel, ImageInput, TensorSpec
from sizewise.core.specs.parts import WHOLE, Part, divided
from sizewise.core.specs.precisions import excluded_in, is_quantized, precision_parts
from sizewise.core.specs.preprocessing import RGB, Order, Preprocessing
from sizewise.core.specs.sizes import Size, Sizes
from sizewise.core.specs.suppression import EVALUATION, Suppression

__all__ = [
    "BESIDE_LAYOUT",
    "EVALUATION",
    "FINAL_LAYOUT",
    "FINAL_LAYOUTS",
    "INDEXED_LAYOUT",
    "NMS_LAYOUT",
    "ONE_CLASS_LAYOUTS",
    "RAW_LAYOUT",
    "RGB",
    "SEPARATE_LAYOUT",
    "TENSORFLOW_LAYOUT",
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
    "KeptLayer",
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
    "excluded_in",
    "is_product",
    "is_quantized",
    "precision_parts",
]
