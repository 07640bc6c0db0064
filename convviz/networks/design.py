"""A network as text, one line a block: the design language.

`design_grammar` says what each line may be, docs/DESIGN_LANGUAGE.md explains it. A design is read
without computing any size: whether its blocks fit together is found where it is built, in
`design_module`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from convviz.networks.design_blocks import AuxiliaryBlock, BatchNormBlock, DesignBlock, InputBlock
from convviz.networks.design_reading import read_blocks


@dataclass(frozen=True)
class Design:
    """A network as a list of blocks; the first is the input.

    Attributes:
        name: Its name; empty for none.
        blocks: Its blocks, in order.
    """

    name: str
    blocks: tuple[DesignBlock, ...]

    @classmethod
    def parse(cls, text: str, name: str | None = None) -> Design:
        """Read a design.

        Args:
            text: Lines as `GRAMMAR` says.
            name: The name where the text gives none, such as that of its file.

        Raises:
            DesignError: A line is none of the grammar; the error names it.
        """
        return cls(*read_blocks(text, name))

    @property
    def input(self) -> InputBlock:
        """The image."""
        first = self.blocks[0]
        assert isinstance(first, InputBlock)  # noqa: S101  # as read_blocks has checked
        return first

    @property
    def auxiliary(self) -> tuple[AuxiliaryBlock, ...]:
        """The auxiliary classifiers."""
        return tuple(block for block in self.blocks if isinstance(block, AuxiliaryBlock))

    @property
    def text(self) -> str:
        """The design as text, always in the same form; what `parse` makes of it is equal."""
        lines = [f"name {self.name}"] if self.name else []
        return "\n".join((*lines, *(block.text for block in self.blocks))) + "\n"

    def __str__(self) -> str:
        """Return the text."""
        return self.text

    def has_bias(self, index: int) -> bool:
        """Whether the convolution at this place has biases: none if a batch norm is next."""
        following = self.blocks[index + 1 : index + 2]
        return not (following and isinstance(following[0], BatchNormBlock))


def numbered(design: Design) -> Design:
    """Give every block the number of its line in the design's own text."""
    first = 2 if design.name else 1
    blocks = (replace(block, line=i) for i, block in enumerate(design.blocks, first))
    return replace(design, blocks=tuple(blocks))
