"""What is tested here needs the extra ``serve``: without it, nothing here is collected."""

from __future__ import annotations

from importlib.util import find_spec

NEEDED = ("grpc", "prometheus_client", "starlette", "uvicorn")
collect_ignore_glob = [] if all(map(find_spec, NEEDED)) else ["test_*.py"]
