"""Kernels as pictures."""

from io import BytesIO

import torch
from PIL import Image

from convviz.sprites.kernels import kernel_picture, kernel_sheet, named_sheet

PLACES = [(0, 0), (0, 1), (1, 0)]  # row and column of three tiles in rows of two


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


def test_a_sheet_with_names_has_each_below_its_kernel() -> None:
    kernels = [torch.full((2, 2), value) for value in (1.0, -1.0, 0.0)]
    picture = named_sheet(kernels, ["1", "2", "3"], tile=40, bound=1.0, columns=2)
    across, down = picture.width // 2, picture.height // 2
    tiles = [picture.getpixel((column * across + 20, row * down + 20)) for row, column in PLACES]
    assert tiles == [(0, 114, 178), (213, 94, 0), (247, 247, 247)]
    below = [
        picture.crop((column * across, row * down + 44, (column + 1) * across, (row + 1) * down))
        for row, column in [*PLACES, (1, 1)]
    ]
    assert [len(each.getcolors()) > 1 for each in below] == [True, True, True, False]
