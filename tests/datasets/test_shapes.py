"""The generated data set."""

from hashlib import sha256

from convviz.datasets.shapes import shapes


def test_the_same_seed_draws_the_same_pictures() -> None:
    first, again, another_seed = shapes(3), shapes(3), shapes(3, seed=1)
    digests = [
        [sha256(dataset.images.image(k).tobytes()).hexdigest() for k in range(18)]
        for dataset in (first, again, another_seed)
    ]
    assert digests[0] == digests[1]
    assert not set(digests[0]) & set(digests[2])
    assert len(set(digests[0])) == 18
    assert first.counts == (3,) * 6
    assert first.images.image(0).size == (128, 128)
    assert first.images.image(0).mode == "RGB"
