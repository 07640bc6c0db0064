"""Files of a user's own networks, small ones of the kinds that the course does not have."""

CLASSES = ("tabby", "goldfish", "none of the others")

_FILE = """\
import torch, torchvision
from torchvision.models.resnet import BasicBlock
from convviz.networks import NetworkSpec, register

def build():
    torch.manual_seed(3)
    {build}

register(NetworkSpec(name="{name}", title="{title}", build=build, input_size={side},
    classes={classes}))
"""

RESIDUAL = _FILE.format(
    name="residual",
    title="Residual",
    side=64,
    classes=CLASSES,
    build="return torchvision.models.ResNet(BasicBlock, [1, 1, 1, 1], num_classes=3)",
)
"""A ResNet of four blocks: 64 channels of 16 × 16 at first, and 512 of 2 × 2 at last."""

PATCHES = _FILE.format(
    name="patches",
    title="Patches",
    side=32,
    classes=CLASSES,
    build="vit = torchvision.models.VisionTransformer(image_size=32, patch_size=8,\n"
    "        num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=3)\n"
    "    torch.nn.init.normal_(vit.heads.head.weight, std=0.1)\n"
    "    return vit",
)
"""A vision transformer of two blocks: 4 × 4 patches, each with 16 numbers."""
