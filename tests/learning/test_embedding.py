"""Images as points: planes and neighbours, against scikit-learn."""

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import cosine_distances
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from convviz.errors import SettingError
from convviz.learning import embedding
from convviz.learning.embedding import nearest, pca, tsne
from tests.networks_for_tests import network_of


def clouds(classes: int, features: int, each: int = 30) -> tuple[Tensor, Tensor]:
    """Classes that overlap; the last feature is constant, the first ones differ in scale."""
    generator = torch.Generator().manual_seed(classes * features)
    labels = torch.arange(classes).repeat(each)
    centres = torch.randn(classes, features, generator=generator)
    values = 1.5 * centres[labels] / features**0.25 + 1.5 * torch.randn(
        len(labels), features, generator=generator
    )
    values[:, 0] *= 1000
    values[:, 1] *= 1e-4
    values[:, -1] = 0.3
    return values, labels


def test_the_plane_is_scikit_learn_s() -> None:
    values, _ = clouds(3, 12)
    plane = pca(values[:60], values[60:])
    scaler = StandardScaler().fit(values[:60].double().numpy())
    reference = PCA(2).fit(scaler.transform(values[:60].double().numpy()))
    expected = reference.transform(scaler.transform(values.double().numpy()))
    signs = np.sign((expected * plane.points.numpy()).sum(0))
    assert np.allclose(plane.points.numpy(), signs * expected, atol=1e-8)
    assert plane.shares == pytest.approx(tuple(reference.explained_variance_ratio_))


def test_a_plane_of_one_feature_or_of_equal_images_is_a_line_or_a_point() -> None:
    line = pca(torch.tensor([[0.0], [1.0], [5.0]]))
    assert line.shares == pytest.approx((1.0, 0.0))
    assert line.points[:, 1].tolist() == [0, 0, 0]
    point = pca(torch.ones(3, 4))
    assert point.shares == (0.0, 0.0)
    assert not point.points.any()


def test_neighbours_have_the_smallest_cosine_distance() -> None:
    values, _ = clouds(3, 12)
    values[7] = 0
    found = nearest(values, values[4], 5)
    distances = cosine_distances(values.double().numpy(), values[4:5].double().numpy())[:, 0]
    assert found[0] == (4, pytest.approx(0, abs=1e-9))
    assert [row for row, _ in found] == np.argsort(distances, kind="stable")[:5].tolist()
    assert [each for _, each in found] == pytest.approx(np.sort(distances)[:5].tolist(), abs=1e-9)
    assert {distance for _, distance in nearest(values, torch.zeros(12), 3)} == {1.0}


def test_t_sne_keeps_neighbours_together_and_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values, _ = clouds(2, 6, 10)
    values[:10] += 20 * values[:10].abs().max()
    values[1::2] *= -1
    plane = tsne(values, values[:1])
    assert plane.points.shape == (21, 2)
    assert plane.shares is None
    distances = torch.cdist(plane.points[20:], plane.points[:20])[0]
    assert int(distances.argmin()) == 0  # the copy lies beside its original
    with pytest.raises(SettingError, match="at least four"):
        tsne(values[:3])
    monkeypatch.setattr(embedding, "find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r"convviz\[tsne\]"):
        tsne(values)


def test_what_is_most_alike_by_maps_need_not_be_so_by_pixels() -> None:
    # One channel that sees red alone, after a ReLU, and one that sees blue.
    convolution = nn.Conv2d(3, 2, 1, bias=False)
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 0, 1.0]])[..., None, None])
    network = network_of(nn.Sequential(convolution, nn.ReLU()), side=4)
    image, same_red, green = (
        Image.new("RGB", (4, 4), colour) for colour in ((200, 0, 0), (90, 250, 0), (250, 30, 90))
    )
    # Maps: (.78, 0) against (.35, 0) and (.98, .35), so that the first points the same way; pixels:
    # cosines of 90/√(90² + 250²) = .34 and 250/√(250² + 30² + 90²) = .94.
    one, same, other = (
        embedding.image_vectors(network, "1", each) for each in (image, same_red, green)
    )
    assert one.means.tolist() == pytest.approx([200 / 255, 0])
    assert one.pixels.shape == (3 * 4 * 4,)
    assert embedding.most_alike(one, [same, other]) == (0, 1)
    assert embedding.most_alike(one, [other, same]) == (1, 0)
