"""A model repository of Triton, and the InferenceService by which KServe runs it.

KServe has a runtime for Triton, which takes a repository from where it is stored. An image of
``sizewise serve`` would have to be built and published by each user, and engines are opened only on
machines like the one that built them.
"""

from __future__ import annotations

import json
import math
import re
from importlib import metadata

from sizewise.core.errors import UsageError
from sizewise.core.options.declared import spelled
from sizewise.pipeline.prediction.packaging.engines import safe_name
from sizewise.pipeline.prediction.packaging.job import DRAWING, Job, Written
from sizewise.pipeline.prediction.packaging.options import KSERVE
from sizewise.pipeline.prediction.packaging.shipping import readme
from sizewise.pipeline.prediction.packaging.targets.triton import write_repository
from sizewise.pipeline.prediction.packaging.targets.triton_choice import PYTHON_BACKEND

SERVICE, DOCKERFILE = "inferenceservice.yaml", "Dockerfile"
_USUAL_MIB, _SERVER_MIB = 2048, 1024
"""Memory that KServe's runtime for Triton asks for, and what the server is given beside the engines
(an allowance, and no figure that was measured)."""


def write(job: Job) -> Written:
    """Raises UsageError where the address or the image is not said, and as Triton's target does."""
    _demand_said(job)
    differences, by = write_repository(job)
    used = [one.backend for one in job.engines if by[one.name] == PYTHON_BACKEND]
    libraries = (*DRAWING, *dict.fromkeys(used))
    (job.folder / SERVICE).write_text(_service(job), encoding="utf-8")
    (job.folder / DOCKERFILE).write_text(_dockerfile(libraries), encoding="utf-8")
    return Written(
        readme=readme(KSERVE, name=job.name),
        runs_by={name: f"Triton's back end {backend}" for name, backend in by.items()},
        libraries=libraries,
        differences=differences,
    )


def _demand_said(job: Job) -> None:
    for name, what in (("storage_uri", "where the models will be"), ("image", "Triton's image")):
        text = getattr(job.options, name)
        if not text or not re.fullmatch(r"[!-~]+", text):
            raise UsageError(
                f"{spelled('target')} {KSERVE} needs {spelled(name)}",
                f"KServe must be told {what}" if not text else "it has spaces or odd characters",
                f"Give {spelled(name)}; docs/package.md has an example.",
            )


def _service(job: Job) -> str:
    """The YAML. Its texts are in double quotes, as JSON writes them."""
    memory = max(_USUAL_MIB, math.ceil(job.plan.predicted.memory_mib) + _SERVER_MIB)
    gpu = "tensorrt" in job.backends
    amounts = {
        "cpu": str(max(one.artifact.spec.threads for one in job.engines)),
        "memory": f"{memory}Mi",
        **({"nvidia.com/gpu": "1"} if gpu else {}),
    }
    lines = "\n".join(f"          {key}: {json.dumps(value)}" for key, value in amounts.items())
    return _YAML.format(
        name=json.dumps(safe_name(job.name)),
        uri=json.dumps(job.options.storage_uri),
        image=json.dumps(job.options.image),
        amounts=lines,
    )


def _dockerfile(libraries: tuple[str, ...]) -> str:
    """NumPy is the image's own: Triton's Python back end is built against it."""
    pinned = " ".join(f"{name}=={metadata.version(name)}" for name in libraries if name != "numpy")
    return _DOCKERFILE.format(pinned=pinned)


_YAML = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: {name}
spec:
  predictor:
    model:
      modelFormat:
        name: triton
      protocolVersion: v2
      runtime: kserve-tritonserver
      storageUri: {uri}
      image: {image}
      resources:
        requests:
{amounts}
        limits:
{amounts}
"""
_DOCKERFILE = """\
# Triton with what the Python code of the models needs:
#   docker build --build-arg TRITON=TAG -t IMAGE .
# TAG is one of nvcr.io/nvidia/tritonserver whose Python has wheels of these versions.
ARG TRITON
FROM nvcr.io/nvidia/tritonserver:${{TRITON}}
RUN pip install --no-cache-dir {pinned}
"""
