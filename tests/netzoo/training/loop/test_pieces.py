from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from netzoo.losses._registry import Targets
from netzoo.training.loading.batches import Batch
from netzoo.training.loop.pieces import pieces_of
from sizewise.core.specs import Size


def _batch(images: int, owners: list[int]) -> Batch:
    """Each image, mask and label holds the image's number, each box its own."""
    numbers = torch.arange(images, dtype=torch.float32)
    boxes = torch.arange(len(owners), dtype=torch.float32)[:, None].expand(-1, 4)
    return Batch(
        size=Size(2, 2),
        images=numbers[:, None, None, None].expand(-1, 3, 2, 2),
        targets=Targets(
            images=torch.tensor(owners, dtype=torch.int64),
            labels=torch.arange(len(owners)),
            boxes=boxes,
            whole=numbers.long(),
            masks=numbers[:, None, None, None].expand(-1, 1, 2, 2),
        ),
    )


@given(st.data(), st.integers(1, 7), st.integers(1, 9))
def test_pieces_put_together_are_the_batch(data: st.DataObject, images: int, count: int) -> None:
    owners = data.draw(st.lists(st.integers(0, images - 1), max_size=6))
    batch = _batch(images, owners)
    pieces = list(pieces_of(batch, count))
    assert len(pieces) == min(count, images)
    sizes = [len(piece.images) for piece in pieces]
    assert max(sizes) - min(sizes) <= 1
    assert torch.equal(torch.cat([piece.images for piece in pieces]), batch.images)
    found = set()
    for piece in pieces:
        targets = piece.targets
        assert targets.whole is not None
        assert targets.masks is not None
        numbers = piece.images[:, 0, 0, 0]
        assert torch.equal(targets.whole.float(), numbers)
        assert torch.equal(targets.masks[:, 0, 0, 0], numbers)
        for owner, label, box in zip(targets.images, targets.labels, targets.boxes, strict=True):
            found.add((int(numbers[owner]), int(label), int(box[0])))
    assert found == {(owner, number, number) for number, owner in enumerate(owners)}
