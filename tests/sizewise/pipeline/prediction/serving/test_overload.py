"""A server that gets several times what it can take: every request is answered, and rightly."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

from tests.sizewise.pipeline.prediction.serving.loading import Address, Picture, load
from tests.sizewise.pipeline.prediction.serving.servers import Echo, Stand, png, serving

pytestmark = pytest.mark.timeout(300)


class Slow(Stand):
    """It takes time for a picture, and notes how many it had at once."""

    most = 0

    def predict(self, picture: object) -> Echo:
        self.most = max(self.most, self.at_work + 1)
        time.sleep(0.005)
        return super().predict(picture)  # type: ignore[arg-type]


def test_every_request_gets_its_answer_or_is_told_to_come_again() -> None:
    """Forty clients, and places for eight."""
    pictures = [
        Picture(png(number, 4 + number, 6), [[0.0, 0.0, 6.0, 4.0 + number]]) for number in range(16)
    ]
    stand = Slow()
    most_taken = 0
    done = threading.Event()
    with serving(stand, workers=2, queue=6) as server:

        def watch() -> None:
            nonlocal most_taken
            while not done.wait(0.001):
                most_taken = max(most_taken, server.desk.taken)

        watching = threading.Thread(target=watch)
        watching.start()
        address = Address(http_port=server.http_port, grpc_port=server.grpc_port, model=server.name)
        fates = load(address, pictures, clients=40, requests=400)
        done.set()
        watching.join()
    counted = Counter(one.status for one in fates)
    assert set(counted) == {200, 503}, counted
    assert len(fates) == 400
    assert all(one.right for one in fates), "right boxes, or when to come again"
    assert {one.protocol for one in fates if one.status == 200} == {"http", "grpc"}
    assert stand.seen == counted[200]
    assert most_taken <= server.desk.places == 8
    assert stand.most <= 2


@pytest.mark.slow
def test_four_times_the_load_for_a_minute() -> None:
    """The campaign of docs/serve.md, without its record."""
    from tests.sizewise.pipeline.prediction.serving.overload import measured

    record = measured(seconds=60)
    overloaded = record["overload"]
    assert overloaded["lost"] == overloaded["wrong"] == overloaded["other"] == 0
    assert overloaded["refused"] > 0
    assert overloaded["most_taken"] <= overloaded["places"]
