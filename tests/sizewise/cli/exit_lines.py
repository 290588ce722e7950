"""What can be wrong with a command line, and lines of every command that are wrong in that way.

``docs/exit-codes.md`` has the same cases and codes. ``exit_desk.py`` makes the files.
"""

from __future__ import annotations

OPTION = "an option that does not exist"
VALUE = "a value that an option or a key can't have"
SIZE = "a size that the model does not take"
MISSING = "a file that is missing"
FOLDER = "a folder in place of a file"
DAMAGED = "a file that is damaged or of another kind"
DATA = "a data set that is missing"
OUTPUT = "an output that can't be written"

CODES = {OPTION: 2, VALUE: 2, SIZE: 2, MISSING: 1, FOLDER: 1, DAMAGED: 1, DATA: 1, OUTPUT: 1}

_SLIM = "--width 0.05 --depth 0.1"
_ZOO = f"yolov3-tiny {_SLIM}"
_TRAINED = f"yolov3-tiny {_SLIM} --steps 1 --sizes 64 --data data"
_FINDER = "finder.onnx data/0.png"
_DATA = "finder.onnx --data data"
_BOTH = "tiny.onnx half.onnx --measure"
_PACKAGE = "plan.json --target folder"
_TRAFFIC = "--traffic photographs"
_PLAN = f"made.sqlite {_TRAFFIC} --max-memory-mib 9000"
_INT8 = "tiny.onnx --precision int8 --calibrate"

LINES: dict[str, dict[str, tuple[str, ...]]] = {
    "run": {
        VALUE: ("value-line.toml", "models.toml"),
        SIZE: ("size-line.toml",),
        MISSING: ("absent.toml", "weights-line.toml"),
        FOLDER: ("folder.toml",),
        DAMAGED: ("junk.toml",),
        DATA: ("data-line.toml", "calibrate-line.toml"),
        OUTPUT: ("line.toml --out notes.txt", "out-line.toml"),
    },
    "doctor": {},
    "networks": {},
    "data": {
        VALUE: ("look data", "check data --pictures many"),
        MISSING: ("check data --images absent",),
        DAMAGED: ("check junk.json",),
        DATA: ("check absent",),
        OUTPUT: ("check data --out notes.txt",),
    },
    "anchors": {
        VALUE: ("nonet --data data", "darknet19 --data data"),
        SIZE: ("yolov3-tiny --data data --sizes 63",),
        MISSING: ("yolov3-tiny --data data --images absent",),
        DAMAGED: ("yolov3-tiny --data junk.json",),
        DATA: ("yolov3-tiny --data absent",),
    },
    "train": {
        VALUE: ("nonet", "yolov3-tiny --loss foo"),
        SIZE: ("yolov3-tiny --sizes 63",),
        MISSING: (
            f"{_TRAINED} --weights absent.pt",
            *(f"{_TRAINED} --tree absent.tree", f"{_TRAINED} --cfg absent.cfg"),
            *(f"{_TRAINED} --backbone-weights absent.pt", f"{_TRAINED} --images absent"),
        ),
        FOLDER: (
            *(f"{_TRAINED} --weights folder", f"{_TRAINED} --backbone-weights folder"),
            f"{_TRAINED} --cfg folder",
        ),
        DAMAGED: (
            *(f"{_TRAINED} --weights junk.pt", f"{_TRAINED} --cfg junk.cfg"),
            f"{_TRAINED} --tree junk.tree",
            "yolov3-tiny --data junk.json",
        ),
        DATA: ("yolov3-tiny --data absent", f"{_TRAINED} --classification-data absent"),
        OUTPUT: (f"{_TRAINED} --out notes.txt",),
    },
    "tune": {
        VALUE: ("nonet --data data", f"{_TRAINED} --trials 0", f"{_TRAINED} --search steps"),
        SIZE: ("yolov3-tiny --data data --sizes 63",),
        MISSING: (
            *(f"{_TRAINED} --weights absent.pt", f"{_TRAINED} --cfg absent.cfg"),
            f"{_TRAINED} --tree absent.tree",
            *(f"{_TRAINED} --backbone-weights absent.pt", f"{_TRAINED} --images absent"),
        ),
        DAMAGED: ("yolov3-tiny --data junk.json",),
        DATA: ("yolov3-tiny --data absent", f"{_TRAINED} --classification-data absent"),
        OUTPUT: (f"{_TRAINED} --out notes.txt",),
    },
    "export": {
        VALUE: (
            *("tiny.onnx --precision fp4", "nonet", "mine.py", "mine.py:make"),
            *("tiny.onnx --format darknet", "tiny.onnx --cut 3", "tiny.onnx --format caffe"),
        ),
        SIZE: ("tiny.onnx --precision fp16 --check-sizes 63",),
        MISSING: (
            *("absent.onnx", "absent.safetensors", "absent.pt", "absent.weights"),
            *("absent.py", "absent.py:build", "folder/absent"),
            *(f"{_ZOO} --weights absent.pt", f"{_ZOO} --weights absent.weights"),
            *(f"{_ZOO} --names absent.txt", f"{_ZOO} --tree absent.tree"),
            f"{_ZOO} --cfg absent.cfg",
            "finder.onnx --precision fp16 --data data --images absent",
        ),
        FOLDER: (
            *("folder", "folder.onnx", "folder.py:build"),
            *(f"{_ZOO} --weights folder", f"{_ZOO} --names folder"),
            *(f"{_ZOO} --tree folder", f"{_ZOO} --cfg folder"),
        ),
        DAMAGED: (
            *("junk.onnx", "junk.safetensors", "junk.pt", "junk.py", "junk.py:build", "notes.txt"),
            *("mine.py:leave", f"{_ZOO} --weights junk.pt", f"{_ZOO} --weights junk.weights"),
            *(f"{_ZOO} --names junk.txt", f"{_ZOO} --tree junk.tree", f"{_ZOO} --cfg junk.cfg"),
            f"{_INT8} junk.json",
        ),
        DATA: (f"{_INT8} absent", "finder.onnx --precision fp16 --data absent"),
        OUTPUT: ("tiny.onnx --precision fp16 --out notes.txt",),
    },
    "build": {
        VALUE: ("tiny.onnx --strategy foo", "tiny.onnx --backend-option speed=1"),
        SIZE: ("tiny.onnx --sizes 63", "tiny.onnx --sizes 63,64"),
        MISSING: ("absent.onnx", "tiny.onnx --parent absent.onnx"),
        FOLDER: ("folder", "tiny.onnx --parent folder"),
        DAMAGED: ("junk.onnx", "tiny.onnx --parent junk.onnx", "tiny.onnx --parent finder.onnx"),
        OUTPUT: ("tiny.onnx --out notes.txt",),
    },
    "cache": {
        VALUE: ("frob", "prune --limit much", "list --limit 5"),
        MISSING: ("list absent", "verify absent", "prune absent", "path absent"),
        DAMAGED: ("list notes.txt",),
    },
    "bench": {
        VALUE: ("tiny.onnx --strategy foo", "value.toml", "tiny.onnx --data data"),
        SIZE: ("tiny.onnx --sizes 63", "size.toml"),
        MISSING: (
            *("absent.onnx", "tiny.onnx absent.onnx", "absent.toml", "models.toml"),
            *(f"{_DATA} --names absent.txt", f"{_DATA} --images absent"),
        ),
        FOLDER: ("folder", "folder.toml"),
        DAMAGED: ("junk.onnx", "junk.toml", "finder.onnx --data junk.json"),
        DATA: ("finder.onnx --data absent", "data.toml"),
        OUTPUT: ("tiny.onnx --out notes.txt",),
    },
    "evaluate": {
        VALUE: ("finder.onnx --data data --backend foo", "tiny.onnx --data data"),
        SIZE: ("coarse.onnx --data data --sizes 63",),
        MISSING: (
            *("absent.onnx --data data", "absent.safetensors --data data", "absent --data data"),
            f"absent --data data --trust-engine {'0' * 64}",
            *(f"{_DATA} --names absent.txt", f"{_DATA} --images absent"),
            f"{_DATA} --input x=absent.npy",
        ),
        FOLDER: ("folder --data data", "folder.safetensors --data data"),
        DAMAGED: (
            *("junk.onnx --data data", "junk.safetensors --data data", "notes.txt --data data"),
            "finder.onnx --data junk.json",
        ),
        DATA: ("finder.onnx --data absent",),
    },
    "explain": {
        VALUE: ("half.onnx --backend foo", "half.onnx --backend torch_eager"),
        SIZE: ("half.onnx --sizes 63",),
        MISSING: (
            *("absent.onnx", "half.onnx --parent absent.onnx"),
            "half.onnx --sizes 64 --calibrate data --images absent",
        ),
        FOLDER: ("folder", "half.onnx --parent folder"),
        DAMAGED: ("junk.onnx", "half.onnx --parent junk.onnx", "half.onnx --parent finder.onnx"),
        DATA: (
            "half.onnx --sizes 64 --calibrate absent",
            "half.onnx --sizes 64 --data absent",
        ),
        OUTPUT: ("half.onnx --sizes 64 --out notes.txt",),
    },
    "predict": {
        VALUE: (f"{_FINDER} --backend foo", "tiny.onnx data/0.png"),
        SIZE: ("coarse.onnx data/0.png --size 63",),
        MISSING: (
            *("absent.onnx data/0.png", "absent.safetensors data/0.png", "finder.onnx absent.png"),
            *(f"{_FINDER} --annotations absent.json", f"{_FINDER} --names absent.txt"),
        ),
        FOLDER: (
            *("folder data/0.png", f"{_FINDER} --annotations folder"),
            f"{_FINDER} --names folder",
        ),
        DAMAGED: (
            *("junk.onnx data/0.png", "junk.safetensors data/0.png", "finder.onnx notes.txt"),
            *(f"{_FINDER} --annotations junk.json", f"{_FINDER} --names junk.txt"),
        ),
        OUTPUT: (f"{_FINDER} --out notes.txt", f"{_FINDER} --out data"),
    },
    "serve": {
        VALUE: ("plan.json --queue 0", "plan.json --load never", "plan.json --workers 1000"),
        MISSING: ("absent.json", "absent another", "plan.json --names absent.txt"),
        FOLDER: ("folder", "plan.json --names folder"),
        DAMAGED: ("junk.json", "notes.txt", "plan.json"),
    },
    "package": {
        VALUE: ("plan.json --target zip", f"{_PACKAGE} --name a/b", "plan.json"),
        MISSING: (
            *("absent.json --target folder", f"{_PACKAGE} --models absent.onnx"),
            f"{_PACKAGE} --names absent.txt",
        ),
        FOLDER: (
            *("folder --target folder", f"{_PACKAGE} --models folder"),
            f"{_PACKAGE} --names folder",
        ),
        DAMAGED: (
            *("junk.json --target folder", "notes.txt --target folder", _PACKAGE),
            f"{_PACKAGE} --models junk.onnx",
        ),
        OUTPUT: (f"{_PACKAGE} --out notes.txt", f"{_PACKAGE} --out data"),
    },
    "audit": {VALUE: ("--minutes 0",), OUTPUT: ("--minutes 1 --out notes.txt",)},
    "best": {
        VALUE: ("made.sqlite --max-latency-ms fast", "made.sqlite --percentile p75"),
        MISSING: ("absent.sqlite",),
        FOLDER: ("folder",),
        DAMAGED: ("junk.sqlite", "empty.sqlite"),
    },
    "compare": {
        VALUE: (
            *("made.sqlite", "made.sqlite --base-only speed=1", "made.sqlite --threshold few"),
            *("made.sqlite made.sqlite", "made.sqlite --base-only threads=2 --sizes 64"),
            *("made.sqlite made.sqlite --base-python absent", "tiny.onnx --measure"),
            *("tiny.onnx half.onnx --measure --across", f"{_BOTH} --strategy foo"),
        ),
        SIZE: (f"{_BOTH} --sizes 63",),
        MISSING: (
            *("absent.sqlite made.sqlite", "made.sqlite absent.sqlite"),
            *("absent.onnx half.onnx --measure", "tiny.onnx absent.onnx --measure"),
            f"{_BOTH} --base-python absent",
        ),
        FOLDER: ("folder made.sqlite", "folder half.onnx --measure"),
        DAMAGED: (
            *("junk.sqlite made.sqlite", "made.sqlite empty.sqlite"),
            *("junk.onnx half.onnx --measure", f"{_BOTH} --base-python notes.txt"),
        ),
        OUTPUT: (
            "made.sqlite --new-only threads=2 --markdown folder",
            f"{_BOTH} --backend onnxruntime --sizes 64 --out notes.txt",
        ),
    },
    "history": {
        MISSING: ("absent",),
        DAMAGED: ("junk.sqlite",),
        OUTPUT: (". --out notes.txt",),
    },
    "traffic": {
        VALUE: ("notes.txt --pattern nothing", "photographs --pattern x"),
        MISSING: ("absent", "absent.csv", "absent.log", "absent.json"),
        DAMAGED: ("junk.csv", "junk.json", "notes.txt"),
        OUTPUT: ("photographs --out notes.txt",),
    },
    "plan": {
        VALUE: (
            f"made.sqlite {_TRAFFIC} --max-memory-mib lots",
            f"{_PLAN} --objective median",
            f"{_PLAN} --min-ap 0.5 --max-loss-points 1",
            *(f"{_PLAN} --image-count 3", f"{_PLAN} --data data --timeout-s 0"),
        ),
        MISSING: (
            f"absent.sqlite {_TRAFFIC} --max-memory-mib 9",
            "made.sqlite --traffic absent --max-memory-mib 9",
        ),
        FOLDER: (f"folder {_TRAFFIC} --max-memory-mib 9",),
        DAMAGED: (
            f"junk.sqlite {_TRAFFIC} --max-memory-mib 9",
            "made.sqlite --traffic junk.csv --max-memory-mib 9",
        ),
        DATA: (f"{_PLAN} --data absent",),
        OUTPUT: (f"{_PLAN} --out notes.txt",),
    },
    "replay": {
        VALUE: (f"plan.json {_TRAFFIC} --pictures 0",),
        MISSING: (f"absent.json {_TRAFFIC}", f"folder {_TRAFFIC}", "plan.json --traffic absent"),
        DAMAGED: (f"junk.json {_TRAFFIC}", f"notes.txt {_TRAFFIC}", "plan.json --traffic junk.csv"),
        DATA: (f"plan.json {_TRAFFIC} --data absent",),
    },
    "reproduce": {
        VALUE: ("yolov9", "architectures --rigor exact"),
        MISSING: ("processor-ablation --trained absent.safetensors",),
        DAMAGED: ("processor-ablation --trained junk.safetensors",),
        OUTPUT: ("training-grids --out notes.txt",),
    },
    "report": {
        MISSING: ("absent.sqlite",),
        FOLDER: ("folder",),
        DAMAGED: ("junk.sqlite", "empty.sqlite"),
        OUTPUT: ("made.sqlite --out notes.txt",),
    },
    "results": {
        MISSING: ("absent.sqlite", "absent.sqlite --salvage saved.sqlite"),
        FOLDER: ("folder",),
        DAMAGED: ("junk.sqlite", "empty.sqlite", "junk.sqlite --salvage saved.sqlite"),
        OUTPUT: (
            *("made.sqlite --salvage notes.txt", "torn.sqlite --salvage folder"),
            *(f"made.sqlite --{name} folder" for name in ("parquet", "csv", "pytest-benchmark")),
        ),
    },
}
"""By command and case, without the command's name. Where a case is left out, there is none."""

MORE: dict[str, tuple[int, ...]] = {
    "run": (3, 4),
    "data": (3,),
    "export": (3,),
    "build": (3, 4),
    "cache": (3,),
    "bench": (3, 4),
    "evaluate": (3,),
    "explain": (3,),
    "predict": (3,),
    "results": (3,),
    "best": (3,),
    "compare": (3, 4, 5),
}
"""The codes of commands that went on where a part of the work failed."""
