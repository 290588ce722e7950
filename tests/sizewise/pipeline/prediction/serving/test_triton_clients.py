"""The clients that NVIDIA wrote get from the server the very boxes that ``predict`` finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.special import softmax

import sizewise as sw
from engines.planning.axes import EngineAxes
from engines.planning.specs import engine_specs
from engines.store.cache import obtain_engine
from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import EngineArtifact, ExportedModel, ModelCard, Size, Sizes
from sizewise.pipeline.prediction.pool.engine_pool import EnginePool
from sizewise.pipeline.prediction.serving.server import Server, serve_pool
from tests.bench.class_nets import classifier
from tests.bench.models import brightness
from tests.sizewise.pipeline.prediction.pools import built, plan_of, rectangle
from tests.sizewise.pipeline.prediction.serving.servers import OPTIONS, png

http = pytest.importorskip("tritonclient.http")
rpc = pytest.importorskip("tritonclient.grpc")
pytestmark = [pytest.mark.usefixtures("built_here"), pytest.mark.timeout(120)]
PICTURES = (Size(60, 64), Size(90, 96))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    plan = plan_of(built(tmp_path, "64,96"), PICTURES)
    with EnginePool(plan) as pool, serve_pool(pool, OPTIONS) as one:
        yield one


def _clients(server: Server) -> Iterator[tuple[Any, Any]]:
    """Each client, and the module that it comes from."""
    for module, port in ((http, server.http_port), (rpc, server.grpc_port)):
        client = module.InferenceServerClient(f"127.0.0.1:{port}")
        try:
            yield client, module
        finally:
            client.close()


def _image(module: Any, picture: bytes | NDArray[np.uint8]) -> Any:
    if isinstance(picture, bytes):
        image = module.InferInput("image", [1], "BYTES")
        image.set_data_from_numpy(np.array([picture], np.object_))
    else:
        image = module.InferInput("image", list(picture.shape), "UINT8")
        image.set_data_from_numpy(picture)
    return image


def test_boxes_are_those_of_predict(server: Server, tmp_path: Path) -> None:
    for number, size in enumerate((*PICTURES, Size(70, 50))):
        pixels = rectangle(size.height, size.width, seed=number)
        path = tmp_path / f"{number}.png"
        Image.fromarray(pixels).save(path)
        expected: Any = None
        for client, module in _clients(server):
            for picture in (path.read_bytes(), pixels, pixels[None]):
                found = client.infer("finder", [_image(module, picture)], request_id="7")
                said: Any = found.get_response()
                said = said if isinstance(said, dict) else None
                boxes, scores, labels = (
                    found.as_numpy(name) for name in ("boxes", "scores", "classes")
                )
                if expected is None:
                    folder = next(
                        one
                        for one in (tmp_path / "engines").iterdir()
                        if said["parameters"]["input_size"] in one.name
                    )
                    (expected,) = sw.predict(folder, path, out=tmp_path / "drawn").results()
                ((x0, y0, x1, y1),) = boxes.tolist()
                sides = (x0, y0, x1 - x0, y1 - y0)
                assert [round(side, 3) for side in sides] == expected["bbox"]
                assert [round(one, 6) for one in scores.tolist()] == [expected["score"]]
                assert labels.tolist() == [expected["category_id"] - 1]
                assert (boxes.dtype, labels.dtype) == (np.float32, np.int64)


def test_what_clients_ask_beside(server: Server) -> None:
    for client, module in _clients(server):
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("finder", "1")
        about = client.get_model_metadata("finder")
        outputs = about["outputs"] if isinstance(about, dict) else about.outputs
        names = [one["name"] if isinstance(one, dict) else one.name for one in outputs]
        assert names == ["boxes", "scores", "classes"]
        assert client.get_server_metadata()
        only = [module.InferRequestedOutput("scores")]
        found = client.infer("finder", [_image(module, png(0xFFFFFF))], outputs=only)
        assert found.as_numpy("scores").shape == (1,)
        assert found.as_numpy("boxes") is None
        with pytest.raises(Exception, match="There is no model 'other'"):
            client.infer("other", [_image(module, png(1))])
        with pytest.raises(Exception, match="none of BMP"):
            client.infer("finder", [_image(module, b"no picture")])


def _engine(folder: Path, model: ExportedModel) -> EngineArtifact:
    (spec,) = engine_specs(
        (EngineAxes(backends=("onnxruntime",), sizes=Sizes.parse("32"), strategies=("static",)),)
    )
    return obtain_engine(model, spec, folder / "engines")


def test_a_segmenter_gives_a_map_of_classes(tmp_path: Path) -> None:
    pixels = rectangle(32, 32)
    options = replace(OPTIONS, name="bright")
    artifact = _engine(tmp_path, brightness(tmp_path / "m.onnx"))
    with EnginePool([artifact]) as pool, serve_pool(pool, options) as server:
        for client, module in _clients(server):
            found = client.infer("bright", [_image(module, pixels)]).as_numpy("class_map")
            assert found.dtype == np.int32
            assert (found == (pixels[..., 0] > 0)).all()


def test_a_classifier_gives_probabilities(tmp_path: Path) -> None:
    path = classifier(tmp_path / "m.onnx", 4 * np.eye(3))
    proto = onnx.load(path)
    write_card(proto, ModelCard(network="colour", task="classification", layout="b_c"))
    onnx.save(proto, path)
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[..., 1] = 255
    with (
        EnginePool([_engine(tmp_path, read_model(path))]) as pool,
        serve_pool(pool, OPTIONS) as server,
    ):
        assert pool.predict(pixels).describe() == "class 1 96.5%"
        for client, module in _clients(server):
            found = client.infer("colour", [_image(module, pixels)]).as_numpy("probabilities")
            np.testing.assert_allclose(found, softmax([0, 4, 0]), atol=1e-6)
