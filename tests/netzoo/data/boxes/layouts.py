"""A data set written as Pascal VOC, and as YOLO's text files, by code that shares nothing with the
readers."""

from __future__ import annotations

import shutil
from pathlib import Path

from netzoo.data.coco.dataset import Dataset


def write_voc(folder: Path, **splits: Dataset) -> Path:
    """As the development kit has it; boxes lie on whole pixels."""
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for split, data in splits.items():
        stems = []
        for image in data.images:
            stem = f"{split}{image.path.stem}"
            stems.append(stem)
            picture = f"{stem}{image.path.suffix}"
            shutil.copy(image.path, folder / "JPEGImages" / picture)
            objects = "".join(
                f"<object><name>{data.classes[label]}</name><difficult>0</difficult><bndbox>"
                f"<xmin>{x0 + 1:g}</xmin><ymin>{y0 + 1:g}</ymin><xmax>{x1:g}</xmax>"
                f"<ymax>{y1:g}</ymax></bndbox></object>"
                for (x0, y0, x1, y1), label in zip(
                    image.boxes.tolist(), image.labels.tolist(), strict=True
                )
            )
            (folder / "Annotations" / f"{stem}.xml").write_text(
                f"<annotation><filename>{picture}</filename><size><width>{image.width}</width>"
                f"<height>{image.height}</height><depth>3</depth></size>{objects}</annotation>",
                encoding="utf-8",
            )
        listed = folder / "ImageSets" / "Main" / f"{split}.txt"
        listed.write_text("\n".join(stems) + "\n", encoding="utf-8")
    return folder


def write_yolo(folder: Path, **splits: Dataset) -> Path:
    """images/SPLIT, labels/SPLIT and data.yaml."""
    for split, data in splits.items():
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True, exist_ok=True)
        for image in data.images:
            shutil.copy(image.path, folder / "images" / split / image.path.name)
            lines = [
                f"{label} {(x0 + x1) / 2 / image.width:.9f} {(y0 + y1) / 2 / image.height:.9f} "
                f"{(x1 - x0) / image.width:.9f} {(y1 - y0) / image.height:.9f}"
                for (x0, y0, x1, y1), label in zip(
                    image.boxes.tolist(), image.labels.tolist(), strict=True
                )
            ]
            text = folder / "labels" / split / f"{image.path.stem}.txt"
            text.write_text("\n".join(lines), encoding="utf-8")
    names = next(iter(splits.values())).classes
    (folder / "data.yaml").write_text(
        "".join(f"{split}: images/{split}\n" for split in splits)
        + f"nc: {len(names)}\nnames: [{', '.join(names)}]\n",
        encoding="utf-8",
    )
    return folder
