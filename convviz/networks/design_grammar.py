"""The lines of the design language: how each kind is written, and what it does.

The page Design and docs/DESIGN_LANGUAGE.md show this list; `design_reading` reads such lines.
"""

from __future__ import annotations

from dataclasses import dataclass

from convviz.language import later


@dataclass(frozen=True)
class LineForm:
    """How one kind of line is written.

    Attributes:
        keyword: Its first word.
        example: A line of this kind, with all that it may have.
        meaning: What it does, in one sentence, which is told where it is shown.
    """

    keyword: str
    example: str
    meaning: str


GRAMMAR = (
    LineForm("name", "name mine", later("The network's name; only as the first line.")),
    LineForm("input", "input 3x224x224", later("Channels, height and width of the image.")),
    LineForm(
        *("conv", "conv 64 3x3 /2 p1 g2 d2"),
        later(
            "Convolution: channels, kernel, stride, padding, groups and dilation; it has no bias "
            "if batchnorm is the next line."
        ),
    ),
    LineForm("batchnorm", "batchnorm", later("Batch normalisation, of maps or of a vector.")),
    LineForm(
        *("lrn", "lrn"),
        later("Local response normalisation over 5 channels (α = 1e-4, β = 0.75, k = 2)."),
    ),
    LineForm("relu", "relu", later("Negative values become 0.")),
    LineForm(
        *("maxpool", "maxpool 3x3 /2 p1 ceil"),
        later(
            "Max pooling: window, stride (its window, unless said) and padding; with ceil a last "
            "window that reaches beyond the edge counts."
        ),
    ),
    LineForm(
        *("avgpool", "avgpool 2x2"),
        later(
            "Average pooling, with the options of maxpool; or avgpool to 6x6: to maps of this size."
        ),
    ),
    LineForm("dropout", "dropout 0.5", later("In training each value is 0 with this probability.")),
    LineForm("flatten", "flatten", later("Maps become one vector.")),
    LineForm("gap", "gap", later("Global average pooling: one number for each channel.")),
    LineForm("fc", "fc 1000", later("Fully connected layer with biases; it flattens what comes.")),
    LineForm(
        *("inception", "inception 64 96>128 16>32 >32 3x3 bn"),
        later(
            "Inception module: 1×1; 1×1 before 3×3; 1×1 before 5×5; 1×1 after a 3×3 max pooling. A "
            "number without > has no 1×1 before it. 3x3 puts one 3×3 in the place of the 5×5, 3x3s "
            "puts two; bn adds batch norm after each convolution. A ReLU follows each."
        ),
    ),
    LineForm(
        *("residual", "residual"),
        later(
            "What comes here is added at the next end line, through a 1×1 convolution where "
            "the shapes differ. Residuals do not nest, and a ReLU after one is a line."
        ),
    ),
    LineForm("end", "end", later("The end of a residual.")),
    LineForm(
        *("auxiliary", "auxiliary 0.3 bn"),
        later(
            "Auxiliary classifier for training, with the weight of its loss: average pooling "
            "to 4×4, 1×1 convolution to 128 channels, ReLU, fc 1024, ReLU, dropout 0.7, fc. "
            "The next line goes on from what came to this one."
        ),
    ),
)
"""Every kind of line, in the order in which they are explained."""
