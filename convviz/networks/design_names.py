"""What other frameworks call the blocks of a design, and what a design says instead.

Names are compared as letters and digits alone, without the module that they come from: "batch_norm"
is "batchnorm", and "nn.Conv2d(3, 64, 3)" is "conv2d". A number that ends one may be left out, so
that "fc6" is "fc".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile

from convviz.formatting import ask_which, near_matches
from convviz.language import later, tr

_MOST_WORDS = 3  # of a name such as "global average pooling"
_CUTOFF = 0.75  # below it, words are alike that have nothing in common, as attention and activation
_MODULE = re.compile(r"^(?:[a-z_]\w*\.)+(?=[a-z])")

OTHER_NAMES: Mapping[str, str] = {
    "name mine": "model net network title",
    "input 3x224x224": "data image inputlayer inputs inputshape placeholder",
    "conv 16 3x3 p1": "convolution convolution2d convolutional conv2d convlayer",
    "batchnorm": "batchnormalization batchnormalisation batchnorm1d batchnorm2d bn",
    "lrn": "localresponse localresponsenorm localresponsenormalization localresponsenormalisation "
    "responsenorm",
    "relu": "rectifier rectifiedlinear rectifiedlinearunit",
    "maxpool 2x2": "max maxpool2d maxpooling maxpooling2d pool pool2d pooling pooling2d",
    "avgpool 2x2": "average averagepool averagepooling averagepooling2d avg avgpool2d avgpooling "
    "meanpool meanpooling pool pool2d pooling pooling2d subsampling",
    "avgpool to 6x6": "adaptiveaveragepool adaptiveaveragepooling2d adaptiveavgpool "
    "adaptiveavgpool2d",
    "dropout 0.5": "drop",
    "flatten": "flat reshape vector view",
    "gap": "globalaverage globalaveragepool globalaveragepooling globalaveragepooling2d "
    "globalavgpool globalavgpool2d globalpool globalpooling",
    "fc 10": "affine classifier connected dense fullyconnected hidden innerproduct ip lazylinear "
    "linear logits output",
    "inception 64 96>128 16>32 >32": "inceptionmodule inceptionv1 mixed",
    "residual": "basicblock bottleneck resblock residualblock",
    "end": "endresidual",
    "auxiliary 0.3": "aux auxhead auxiliaryclassifier",
}
"""What Keras, PyTorch, Caffe, Darknet and people call each block, by a line of it."""

INSTEAD: Mapping[str, str] = {
    later("the only activation function here is relu."): "activation elu gelu hardswish leaky "
    "leakyrelu mish nonlinearity prelu relu6 selu sigmoid silu softplus swish tanh",
    later("the softmax is part of the loss; a design ends with the scores, as in “fc 10”."): (
        "crossentropy crossentropyloss logsoftmax loss softmax softmaxwithloss"
    ),
    later("the normalisations here are batchnorm and lrn."): "groupnorm groupnormalization "
    "instancenorm instancenorm2d layernorm layernormalization norm normalisation normalization "
    "normalize",
    later("what comes to “residual” is added at the next “end”."): "add addition eltwise identity "
    "shortcut skip skipconnection sum",
    later("branches are joined by inception alone, as in “inception 64 96>128 16>32 >32”."): (
        "branch cat concat concatenate concatenation merge route split"
    ),
    later("padding, stride and groups stand on the line of their block, as in “conv 16 3x3 p1”."): (
        "channels dilation filter filters groups kernel kernelsize pad padding stride strides "
        "zeropad zeropad2d zeropadding zeropadding2d"
    ),
    later(
        "with as many groups as channels, as in “conv 64 3x3 p1 g64”, a convolution reads each "
        "channel alone."
    ): ("depthwise depthwiseconv depthwiseconv2d separable separableconv separableconv2d"),
    later("nothing here scales maps up."): "conv2dtranspose convtranspose convtranspose2d deconv "
    "deconvolution transposed transposedconv unpool unpooling upsample upsampling upsampling2d",
}
"""What there is no block for: what to do, and its names."""

_LINES: dict[str, list[str]] = {}
for _line, _names in OTHER_NAMES.items():
    for _name in (_line.partition(" ")[0], *_names.split()):
        _LINES.setdefault(_name, []).append(_line)
_INSTEAD = {name: sentence for sentence, names in INSTEAD.items() for name in names.split()}


def meant(words: Sequence[str], otherwise: str) -> tuple[str, str]:
    """Find what somebody means who begins a line with a word that begins none.

    Args:
        words: The words of the line.
        otherwise: What to do if that is not known.

    Returns:
        What is no name of a block, and what to write, as the end of a sentence.
    """
    first, *others = words
    named = [first, *takewhile(str.isalpha, others)][:_MOST_WORDS]
    for count in range(len(named), 0, -1):
        if sentence := _known(_folded("".join(named[:count]))):
            return " ".join(named[:count]), sentence
    name = _folded(first)
    if sentence := _known(re.sub("[^a-z].*", "", name)):
        return first, sentence
    near = near_matches(name, (*_LINES, *_INSTEAD), cutoff=_CUTOFF)
    if near and near[0] in _INSTEAD:
        return first, tr(_INSTEAD[near[0]])
    return first, ask_which(
        _keywords(line for each in near for line in _LINES.get(each, ())), otherwise
    )


def _folded(word: str) -> str:
    """Return a name without its module, its arguments, and signs."""
    name = re.split("[(:=,]", word.lower(), maxsplit=1)[0]
    return re.sub("[^a-z0-9]", "", _MODULE.sub("", name))


def _known(name: str) -> str:
    """Say what to write in the place of a name; "" if it is none of those known."""
    if name in _INSTEAD:
        return tr(_INSTEAD[name])
    if name not in _LINES:
        return ""
    keywords = tr(" or ").join(_keywords(_LINES[name]))
    return tr("it is {keyword} here, as in “{example}”.", keyword=keywords, example=_LINES[name][0])


def _keywords(lines: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(line.partition(" ")[0] for line in lines))
