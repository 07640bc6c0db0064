"""Kernels as pictures."""

from io import BytesIO

import torch
from PIL import Image

from convviz.sprites.kernels import kernel_picture, kernel_sheet


def test_zero_is_in_the_middle_of_the_scale() -> None:
    colour = kernel_picture(torch.tensor([-1.0, 0.0, 1.0]).reshape(3, 1, 1), 1, 1.0)
    assert colour.getpixel((0, 0)) == (0, 128, 255)
    plain = kernel_picture(torch.tensor([[-2.0, 0.0, 2.0]]), 3, 2.0)
    assert [plain.getpixel((x, 0)) for x in range(3)] == [
        (213, 94, 0),
        (247, 247, 247),
        (0, 114, 178),
    ]


def test_pictures_are_not_smoothed_and_keep_their_shape() -> None:
    picture = kernel_picture(torch.tensor([[1.0, -1.0]]), 8, 1.0)
    assert picture.size == (8, 4)
    assert len(picture.getcolors()) == 2


def test_a_sheet_has_one_scale_and_transparent_gaps() -> None:
    kernels = [torch.full((2, 2), value) for value in (0.5, -1.0, 0.0)]
    sheet = kernel_sheet(kernels, tile=10, columns=2)
    assert (sheet.columns, sheet.rows, sheet.width, sheet.height) == (2, 2, 23, 23)
    assert sheet.bound == 1.0
    picture = Image.open(BytesIO(sheet.png))
    assert picture.getpixel((13, 0)) == (213, 94, 0, 255)
    assert picture.getpixel((0, 13)) == (247, 247, 247, 255)
    assert picture.getpixel((11, 0))[3] == 0
    assert picture.getpixel((13, 13))[3] == 0


def test_kernels_of_zeros_are_drawn() -> None:
    sheet = kernel_sheet([torch.zeros(3, 2, 2)], tile=4)
    assert sheet.bound == 1.0
    assert kernel_sheet([], tile=4).rows == 1
