"""convviz: look inside the ConvNets AlexNet, VGG and GoogLeNet.

The package does all the compute; the Streamlit app in app.py and pages/ only draws.

What docs/api.md describes is offered here, `convviz.load` for instance, and is loaded when it is
first used: importing convviz imports neither torch nor streamlit nor plotly.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convviz.datasets.class_folders import from_folder as from_folder
    from convviz.datasets.class_folders import from_zip as from_zip
    from convviz.datasets.directions import directions as directions
    from convviz.datasets.distant_marks import distant_marks as distant_marks
    from convviz.datasets.image_set import SampleCrops as SampleCrops
    from convviz.datasets.labelled_set import split as split
    from convviz.datasets.marks_anywhere import marks_anywhere as marks_anywhere
    from convviz.datasets.shapes import shapes as shapes
    from convviz.errors import ConvvizError as ConvvizError
    from convviz.features.ablation import ablate as ablate
    from convviz.features.activations import activations as activations
    from convviz.features.activations import empty_by_depth as empty_by_depth
    from convviz.features.arithmetic import arithmetic as arithmetic
    from convviz.features.capture import capture as capture
    from convviz.features.class_target import ClassTarget as ClassTarget
    from convviz.features.dead import count_dead as count_dead
    from convviz.features.deletion import delete_and_insert as delete_and_insert
    from convviz.features.effective_field import effective_field as effective_field
    from convviz.features.filters import filters as filters
    from convviz.features.grad_cam import grad_cam as grad_cam
    from convviz.features.image_features import image_features as image_features
    from convviz.features.occlusion import occlude as occlude
    from convviz.features.predictions import predict as predict
    from convviz.features.saliency import find_saliency as find_saliency
    from convviz.features.synthesis import SynthesisConfig as SynthesisConfig
    from convviz.features.synthesis import synthesise as synthesise
    from convviz.features.top_patches import find_top_patches as find_top_patches
    from convviz.images.decode import decode as decode
    from convviz.images.samples import sample as sample
    from convviz.learning.config import TrainingSettings as TrainingSettings
    from convviz.learning.fit import fit as fit
    from convviz.learning.plan import plan as plan
    from convviz.learning.separation import separate as separate
    from convviz.learning.transfer import to_bytes as to_bytes
    from convviz.networks import NetworkSpec as NetworkSpec
    from convviz.networks import available as available
    from convviz.networks import register as register
    from convviz.networks import spec as spec
    from convviz.networks.design import Design as Design
    from convviz.notebook import load as load
    from convviz.reconstruction.amplify import AmplifyConfig as AmplifyConfig
    from convviz.reconstruction.amplify import amplify as amplify
    from convviz.reconstruction.config import ReconstructionConfig as ReconstructionConfig
    from convviz.reconstruction.config import preset as preset
    from convviz.reconstruction.reconstruct import reconstruct as reconstruct
    from convviz.structure.costs import count as count
    from convviz.structure.design_costs import count_design as count_design
    from convviz.structure.layers import further_layers as further_layers
    from convviz.structure.layers import layers as layers

__version__ = "0.3.0"

# The module that each name is imported from; a test compares this with the imports above.
_MODULES = {
    "AmplifyConfig": "convviz.reconstruction.amplify",
    "ClassTarget": "convviz.features.class_target",
    "ConvvizError": "convviz.errors",
    "Design": "convviz.networks.design",
    "NetworkSpec": "convviz.networks",
    "ReconstructionConfig": "convviz.reconstruction.config",
    "SampleCrops": "convviz.datasets.image_set",
    "SynthesisConfig": "convviz.features.synthesis",
    "TrainingSettings": "convviz.learning.config",
    "ablate": "convviz.features.ablation",
    "activations": "convviz.features.activations",
    "amplify": "convviz.reconstruction.amplify",
    "arithmetic": "convviz.features.arithmetic",
    "available": "convviz.networks",
    "capture": "convviz.features.capture",
    "count": "convviz.structure.costs",
    "count_dead": "convviz.features.dead",
    "count_design": "convviz.structure.design_costs",
    "decode": "convviz.images.decode",
    "delete_and_insert": "convviz.features.deletion",
    "directions": "convviz.datasets.directions",
    "distant_marks": "convviz.datasets.distant_marks",
    "effective_field": "convviz.features.effective_field",
    "empty_by_depth": "convviz.features.activations",
    "filters": "convviz.features.filters",
    "find_saliency": "convviz.features.saliency",
    "find_top_patches": "convviz.features.top_patches",
    "fit": "convviz.learning.fit",
    "from_folder": "convviz.datasets.class_folders",
    "from_zip": "convviz.datasets.class_folders",
    "further_layers": "convviz.structure.layers",
    "grad_cam": "convviz.features.grad_cam",
    "image_features": "convviz.features.image_features",
    "layers": "convviz.structure.layers",
    "load": "convviz.notebook",
    "marks_anywhere": "convviz.datasets.marks_anywhere",
    "occlude": "convviz.features.occlusion",
    "plan": "convviz.learning.plan",
    "predict": "convviz.features.predictions",
    "preset": "convviz.reconstruction.config",
    "reconstruct": "convviz.reconstruction.reconstruct",
    "register": "convviz.networks",
    "sample": "convviz.images.samples",
    "separate": "convviz.learning.separation",
    "shapes": "convviz.datasets.shapes",
    "spec": "convviz.networks",
    "split": "convviz.datasets.labelled_set",
    "synthesise": "convviz.features.synthesis",
    "to_bytes": "convviz.learning.transfer",
}
__all__ = sorted([*_MODULES, "__version__"])

if not TYPE_CHECKING:  # a type checker reads the imports above

    def __getattr__(name):
        """Import a public name when it is first used."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value = getattr(import_module(_MODULES[name]), name)
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
