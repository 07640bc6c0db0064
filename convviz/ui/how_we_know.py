"""How we know: for the numbers of a view, the convention, its source and an independent check.

Each kind of number is one entry of `CONVENTIONS`; a view names the entries of the numbers it shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from convviz.language import later, tr
from convviz.ui import glossary


@dataclass(frozen=True)
class Convention:
    """How one kind of number is made, and why it can be believed; its texts are messages.

    Attributes:
        title: What the number is called on the page.
        counted: How it is counted or measured, with its unit.
        source: The paper, library or definition that the convention is taken from.
        check: What it was compared with that is none of convviz's own code.
        test: The test or benchmark that makes this comparison, from the project's folder.
    """

    title: str
    counted: str
    source: str
    check: str
    test: str


CONVENTIONS: dict[str, Convention] = {
    # ---- activations, channels, occlusion, synthesis, top patches ----
    "empty channels": Convention(
        title=later("Empty channels"),
        counted=later(
            "A channel is empty for an image if, after the ReLU, nothing of it is larger than τ "
            "times the layer's largest number. Where no ReLU follows, absolute values count. A "
            "channel that holds a not-a-number is never empty."
        ),
        source=later(
            "convviz's own definition; with τ = 0 it is the ReLU's own: max(0, x) is 0 everywhere."
        ),
        check=later(
            "PyTorch hooks and comparisons written out anew for every kind of layer and τ."
        ),
        test="tests/features/test_emptiness_oracle.py",
    ),
    "soft threshold": Convention(
        title=later("τ behind SiLU, GELU and the like"),
        counted=later(
            "The farthest from 0 that the function comes for any input up to 0 (SiLU 0.278, GELU "
            "0.170), divided by the layer's largest number. For LeakyReLU it is the slope, for "
            "functions that are positive everywhere 0.01. A channel below it went no farther than "
            "what is negative makes it."
        ),
        source=later(
            "convviz's own definition, from the functions as PyTorch computes them; with a ReLU it "
            "is 0."
        ),
        check=later("The functions' largest magnitudes on 30,001 inputs from −30 to 0."),
        test="tests/features/test_soft_layers.py",
    ),
    "maximum and rank": Convention(
        title=later("Maximum, mean and rank"),
        counted=later(
            "Of a channel's numbers after the ReLU, or with their signs where no ReLU follows. "
            "Rank 1 has the highest maximum; equals share a rank."
        ),
        source=later("The definitions of maximum and mean; ranks as in a competition."),
        check=later("Class scores sorted by SciPy and PyTorch, from a forward pass of their own."),
        test="tests/features/test_signed_layers.py",
    ),
    "strongest maps": Convention(
        title=later("Strongest maps"),
        counted=later(
            "By energy and contrast in space: the root mean square of a map about its mean, after "
            "the ReLU, once each value has been averaged with its neighbours (weights 1, 2, 1 in "
            "both directions). The outermost values of maps of six a side and more, which answer "
            "to the padding, are left out. A map that is the same everywhere has none. Maps of "
            "more than 112 values a side are averaged down to that before they are drawn on Home."
        ),
        source=later("convviz's own measure: the standard deviation of a slightly blurred image."),
        check=later("SciPy's convolution and NumPy's standard deviation."),
        test="tests/features/test_activations.py",
    ),
    "map on the image": Convention(
        title=later("Where a map lies on the image"),
        counted=later(
            "Each value is drawn around the centre of its receptive field, one jump wide, in "
            "pixels of the network's input."
        ),
        source=later(
            "Araujo, Norris and Sim, “Computing Receptive Fields of Convolutional Neural "
            "Networks”, Distill 2019."
        ),
        check=later(
            "The centres of the pixels that gradients reach, in networks with positive weights."
        ),
        test="tests/structure/test_map_box.py",
    ),
    "dead channels": Convention(
        title=later("Dead channels"),
        counted=later(
            "Empty, with τ = 0, for each of the N images of a set. Crops of one photograph are "
            "named as such."
        ),
        source=later("The usual meaning of a dead ReLU, with the N that it was found with."),
        check=later("A pass over the images one by one with PyTorch hooks."),
        test="tests/features/test_emptiness_oracle.py",
    ),
    "channel changes": Convention(
        title=later("What changed between two checkpoints"),
        counted=later(
            "‖second − first‖₂ of a channel's map after the ReLU, divided by the root mean square "
            "of that layer's ‖map‖₂ under the first weights; of a filter, ‖second − first‖₂ "
            "divided by ‖first‖₂."
        ),
        source=later(
            "convviz's own measure: the Euclidean distance, in units of the layer's typical map."
        ),
        check=later("NumPy's norms of maps that PyTorch hooks collect."),
        test="tests/features/test_channel_changes.py",
    ),
    "top patches": Convention(
        title=later("Strongest patches"),
        counted=later(
            "The highest activations over a set, at most one of each photograph, cut to the "
            "receptive field of the position."
        ),
        source=later(
            "Zeiler and Fergus, “Visualizing and Understanding Convolutional Networks”, ECCV 2014."
        ),
        check=later("A search through every position of every image."),
        test="tests/features/test_top_patches.py",
    ),
    "occlusion": Convention(
        title=later("Occlusion"),
        counted=later(
            "The response with a plain square over one place, less that to the whole image; "
            "percentages are given of a positive response only."
        ),
        source=later(
            "Zeiler and Fergus, “Visualizing and Understanding Convolutional Networks”, ECCV 2014."
        ),
        check=later("Forward passes over images that were covered by hand."),
        test="tests/features/test_occlusion.py",
    ),
    "synthesis": Convention(
        title=later("Made images"),
        counted=later(
            "The number is measured on the 8-bit image that is shown, and on the noise that it "
            "began with, neither shifted nor turned."
        ),
        source=later("Olah, Mordvintsev and Schubert, “Feature Visualization”, Distill 2017."),
        check=later("A forward pass of PyTorch over the saved image."),
        test="tests/features/test_synthesis.py",
    ),
    "effective field": Convention(
        title=later("Effective receptive field"),
        counted=later(
            "The absolute gradient of one number by each pixel, summed over the colours; drawn as "
            "its square root."
        ),
        source=later(
            "Luo, Li, Urtasun and Zemel, “Understanding the Effective Receptive Field in Deep "
            "Convolutional Neural Networks”, NeurIPS 2016."
        ),
        check=later("Gradients worked out by hand for small networks."),
        test="tests/features/test_effective_field.py",
    ),
    "arithmetic": Convention(
        title=later("Arithmetic of one number"),
        counted=later(
            "Every product, sum and step in float64, from the float32 numbers of the network."
        ),
        source=later("The definitions of convolution, pooling, batch norm and ReLU in PyTorch."),
        check=later("The number that the network itself puts out, for every kind of layer."),
        test="tests/features/test_arithmetic.py",
    ),
    "ablation": Convention(
        title=later("Change by switching off"),
        counted=later("‖after − before‖ / ‖before‖ over a layer's numbers after the ReLU."),
        source=later("Relative error in the Euclidean norm."),
        check=later("Networks whose channels were set to 0 by hand."),
        test="tests/features/test_ablation.py",
    ),
    "trend with depth": Convention(
        title=later("Trend with depth"),
        counted=later(
            "Spearman's rank correlation between a layer's position and its share of empty "
            "channels; a trend is claimed from 0.5 on, if chance would make it in fewer than 1 of "
            "20 networks, and if the last third differs from the first."
        ),
        source=later("Spearman 1904; one-sided test in the normal approximation ρ √(n − 1)."),
        check=later("SciPy's rank correlation."),
        test="tests/features/test_signed_layers.py",
    ),
    # ---- evidence for a class ----
    "class map": Convention(
        title=later("Evidence in a layer's maps"),
        counted=later(
            "The layer's output times the gradient of the class's score with respect to it, summed "
            "over the channels, what is negative set to 0, not scaled. Grad-CAM takes the mean "
            "gradient of each channel, HiRes-CAM the gradient at each place, Layer-CAM its "
            "positive part. The score is the one before softmax, of a network that itself ends in "
            "one too, or the difference of two."
        ),
        source=later("Selvaraju et al. 2017; Draelos and Carin 2020; Jiang et al. 2021."),
        check=later("captum's LayerGradCam, and tiny networks worked out by hand."),
        test="tests/features/test_grad_cam.py",
    ),
    "channel share": Convention(
        title=later("A channel's share in the score"),
        counted=later(
            "Estimate: Grad-CAM's weight times the mean activation, once for each place, in the "
            "score's unit. Measured: by how much the score falls when the channel alone is set to "
            "0 where its ReLU lets it through."
        ),
        source=later("Selvaraju et al. 2017 for the weight; a first-order Taylor expansion."),
        check=later("the shares of class activation mapping, and channels that hooks set to 0."),
        test="tests/features/test_ablation.py",
    ),
    "pixel saliency": Convention(
        title=later("Saliency of pixels"),
        counted=later(
            "Of the normalised input: the largest absolute gradient of the three colours; of "
            "integrated gradients the positive part of their sum. SmoothGrad averages 25 copies "
            "with noise of 15 % of the range. Integrated gradients begin at plain grey, the mean "
            "colour; the way there is divided where the score bends until the shares add up to the "
            "difference of the two scores within 1 %, or 243 gradients are done. Near a difference "
            "of 0 no such share is given."
        ),
        source=later(
            "Simonyan et al. 2014; Smilkov et al. 2017; Sundararajan et al. 2017; Springenberg et "
            "al. 2015."
        ),
        check=later("captum's gradients, integrated gradients and guided backpropagation."),
        test="tests/features/test_saliency.py",
    ),
    "randomised decoder": Convention(
        title=later("Randomised decoder"),
        counted=later(
            "Every tensor of weights behind the encoder is drawn anew, with its own mean and "
            "standard deviation. Two pictures are compared by Spearman's rank correlation of 16 × "
            "16 blocks; from 0.5 on they are called much the same."
        ),
        source=later(
            "Adebayo et al., “Sanity Checks for Saliency Maps”, NeurIPS 2018. The limit is "
            "convviz's own."
        ),
        check=later("SciPy's rank correlation."),
        test="tests/features/test_saliency.py",
    ),
    "deletion and insertion": Convention(
        title=later("Deletion and insertion"),
        counted=later(
            "The class's probability while sixteenths of the pixels are set to the mean colour, or "
            "put back into a blurred image, in the map's order; the area by the trapezoidal rule. "
            "Three times the same with the map's values shuffled on its own grid; a map beats "
            "chance if it is better than all three. For two classes the probability is over the "
            "two."
        ),
        source=later("Petsiuk, Das and Saenko, “RISE”, BMVC 2018."),
        check=later(
            "forward passes over images whose pixels were sorted by NumPy, and SciPy's blur."
        ),
        test="tests/features/test_deletion.py",
    ),
    "class occlusion": Convention(
        title=later("Occlusion of a class"),
        counted=later(
            "By how much the score falls when a grey square of a sixth of the side covers each of "
            "12 × 12 places; each pixel gets the mean of the squares that covered it."
        ),
        source=later("Zeiler and Fergus 2014."),
        check=later("forward passes over images that were covered by hand."),
        test="tests/features/test_occlusion.py",
    ),
    "worse image": Convention(
        title=later("A worse image"),
        counted=later(
            "Turned, blurred, made brighter, its contrast changed, noise added and covered, in "
            "this order, on the square that goes into the network before it is normalised. The "
            "noise is the same for the same slider."
        ),
        source=later("Hendrycks and Dietterich 2019 measure networks so."),
        check=later("NumPy on images whose pixels are known."),
        test="tests/features/test_corruption.py",
    ),
    # ---- layers, receptive fields, costs, lessons, papers ----
    "parameters": Convention(
        title=later("Parameters"),
        counted=later(
            "Every number that training changes, shared ones once, biases included. A network's "
            "number is that without auxiliary heads, which are thrown away after training; the "
            "number with them stands beside it. Exact, not rounded."
        ),
        source=later(
            "PyTorch's `Parameter.numel()`; Szegedy et al. 2015, section 5, for the auxiliary "
            "heads."
        ),
        check=later(
            "the sum of `numel()` over torchvision's own modules, and the numbers that torchvision "
            "publishes."
        ),
        test="tests/independent/test_counts.py",
    ),
    "macs": Convention(
        title=later("MACs"),
        counted=later(
            "One multiply–accumulate for each weight that meets a value in a convolution, a fully "
            "connected layer or a matrix product, for one image. Biases, ReLU, pooling and "
            "normalisation count 0. A FLOP count is twice the MACs."
        ),
        source=later("What torchvision's documentation calls “GFLOPS” counts the same."),
        check=later(
            "half of what PyTorch's `FlopCounterMode` counts, and torchvision's published numbers."
        ),
        test="tests/independent/test_counts.py",
    ),
    "training_memory": Convention(
        title=later("Memory in training"),
        counted=later(
            "Bytes of activations that PyTorch keeps of one image for the backward pass in train "
            "mode, float32, every piece of memory once; 1 MB is 1,000,000 bytes. Weights, their "
            "gradients, the optimizer's state and auxiliary heads are not in it."
        ),
        source=later("PyTorch's autograd: each operation keeps what its gradient needs."),
        check=later(
            "what `torch.autograd.graph.saved_tensors_hooks` is handed in a real pass on the CPU."
        ),
        test="tests/independent/test_counts.py",
    ),
    "depth": Convention(
        title=later("Depth"),
        counted=later(
            "Convolutions and fully connected layers on the longest path from the image to the "
            "classes."
        ),
        source=later("“22 layers deep”, Szegedy et al. 2015, section 5, counts GoogLeNet so."),
        check=later("the longest path through the graph that `torch.fx` makes of the network."),
        test="tests/independent/test_counts.py",
    ),
    "receptive_field": Convention(
        title=later("Receptive field"),
        counted=later(
            "Pixels of the image that one position of a map depends on: the size is that on an "
            "infinite plane, the box is cut at the image's edges. Where statistics of the whole "
            "map come in, as in a group norm or in attention, it is the whole image."
        ),
        source=later(
            "Araujo, Norris and Sim, “Computing Receptive Fields of Convolutional Neural "
            "Networks”, Distill 2019."
        ),
        check=later("the pixels with a gradient, for positive weights in float64."),
        test="tests/independent/test_receptive_fields.py",
    ),
    "output_size": Convention(
        title=later("Output size"),
        counted=later(
            "⌊(n − k + 2p)/s⌋ + 1 stops on each axis, where a kernel of k taps with dilation d "
            "spans d·(k − 1) + 1 pixels. A row or column is never looked at if no tap of any stop "
            "falls on it."
        ),
        source=later(
            "Dumoulin and Visin, “A guide to convolution arithmetic for deep learning”, 2016."
        ),
        check=later("the output shapes of PyTorch's layers, and taps counted one by one."),
        test="tests/independent/test_sliding.py",
    ),
    "stack": Convention(
        title=later("A stack's weights"),
        counted=later(
            "Weights of convolutions with as many output as input channels, without biases."
        ),
        source=later("Simonyan and Zisserman 2015, section 2.3."),
        check=later("the parameters of PyTorch's own layers."),
        test="tests/lessons/test_lessons.py",
    ),
    "bottleneck": Convention(
        title=later("1×1 reductions"),
        counted=later(
            "MACs of a large kernel on all channels against those of a 1×1 convolution and the "
            "large kernel on what it leaves. Without biases."
        ),
        source=later("Szegedy et al. 2015, section 3."),
        check=later("PyTorch's layers, built both ways and counted."),
        test="tests/lessons/test_lessons.py",
    ),
    "classifiers": Convention(
        title=later("Classifiers"),
        counted=later(
            "The decoder is what follows the last layer that still tells places apart. With global "
            "average pooling it would be one linear layer on the mean of each map: C · classes "
            "weights and a bias for each class."
        ),
        source=later("Lin, Chen and Yan, “Network In Network”, 2014, section 3.2."),
        check=later("the parameters of torchvision's own classifiers."),
        test="tests/independent/test_classifiers.py",
    ),
    "gap_gain": Convention(
        title=later("“0.6 better”"),
        counted=later(
            "A published measurement, not one of convviz: percentage points of top-1 accuracy of "
            "one network on ImageNet."
        ),
        source=later("Szegedy et al. 2015, section 5."),
        check=later(
            "nothing here: training GoogLeNet twice on ImageNet is out of reach of this project; "
            "the sentence is held to what the paper says."
        ),
        test="tests/ui/test_architectures_findings.py",
    ),
    "class_score": Convention(
        title=later("A class's score"),
        counted=later(
            "The score is Σ weight · mean of each map + bias, so every channel and every place has "
            "its share."
        ),
        source=later(
            "Zhou et al., “Learning Deep Features for Discriminative Localization”, CVPR 2016."
        ),
        check=later("the score that the network itself returns."),
        test="tests/features/test_class_evidence.py",
    ),
    "accuracy_reported": Convention(
        title=later("Accuracy on ImageNet"),
        counted=later(
            "Published, not measured here: the share of ImageNet's 50,000 validation images whose "
            "class comes first (top-1), or is among the first five (top-5)."
        ),
        source=later("The metadata of torchvision's weights."),
        check=later("torchvision's own table, from which it is read."),
        test="tests/figures/test_architectures.py",
    ),
    "printed": Convention(
        title=later("Printed figures"),
        counted=later(
            "The paper's layers, built as described and counted. A printed figure is equal to the "
            "count, the count rounded or rounded down to the digits printed, or differs. Zeros "
            "at the end, after the second digit, are taken for rounding: 650,000 has two digits."
        ),
        source=later("The tables and figures of the papers, named in each row."),
        check=later("counts by hand of the papers' designs."),
        test="tests/networks/test_paper_designs.py",
    ),
    "input_crop": Convention(
        title=later("What goes in"),
        counted=later(
            "The image's shorter side is resized, and the square in the middle is cut out, as for "
            "the images that the weights were trained on."
        ),
        source=later("The preprocessing that torchvision publishes with its weights."),
        check=later("torchvision's `Resize` and `CenterCrop`."),
        test="tests/images/test_preprocess.py",
    ),
    "guesses": Convention(
        title=later("Probabilities"),
        counted=later(
            "Softmax of the network's scores over all its classes: how the network divides its "
            "belief, not how often it is right. Of a network that itself ends in a softmax or "
            "sigmoid it is what that puts out."
        ),
        source=later("The networks' papers train with softmax and cross-entropy."),
        check=later("softmax of the network's own output."),
        test="tests/features/test_predictions.py",
    ),
    # ---- reconstruction ----
    "relative error": Convention(
        title=later("Relative error"),
        counted=later(
            "The length of the difference of the two images' feature maps at the layer, divided by "
            "the length of the original's. At the end it is measured in float32 on the image as it "
            "is saved, with 8 bits for each colour. While a run goes on, and at the steps of the "
            "slider and of the loss's table, it is the step's own value: of the image before it is "
            "clamped and rounded, in the precision of that step."
        ),
        source=later(
            "the normalised loss of Mahendran & Vedaldi 2015, section 2, without its square."
        ),
        check=later("the saved PNG, opened again and sent through the network by itself."),
        test="tests/reconstruction/test_as_saved.py",
    ),
    "psnr": Convention(
        title=later("PSNR"),
        counted=later(
            "10 · log₁₀ of 1 over the mean squared difference of the pixels in 0…1, over all "
            "colours, in decibels, on the image as it is saved."
        ),
        source=later("the usual definition for a peak value of 1."),
        check=later("peak_signal_noise_ratio of scikit-image."),
        test="tests/reconstruction/test_quality.py",
    ),
    "ssim": Convention(
        title=later("SSIM"),
        counted=later(
            "The mean over all windows of 11 × 11 pixels that lie wholly in the image, with "
            "Gaussian weights of standard deviation 1.5, for each colour by itself. Beside it "
            "stand the values that a flat mid-grey image and the sample photographs (the original "
            "itself left out) have with the same original. Networks are compared at the smallest "
            "of their image sizes, because SSIM depends on the size."
        ),
        source=later("Wang, Bovik, Sheikh & Simoncelli 2004, with K₁ = 0.01 and K₂ = 0.03."),
        check=later("structural_similarity of scikit-image."),
        test="tests/reconstruction/test_quality.py",
    ),
    "layout and detail": Convention(
        title=later("Layout and detail"),
        counted=later(
            "Layout: Pearson's correlation of the mean colours of patches of 8 × 8 pixels. Detail: "
            "that of what the pixels add to these means. Each colour about its own mean."
        ),
        source=later(
            "convviz's own measure: it tells what is where from what it looks like near by."
        ),
        check=later(
            "numpy's corrcoef over the patches, and images whose two agreements are known."
        ),
        test="tests/reconstruction/test_quality.py",
    ),
    "reconstruction settled": Convention(
        title=later("How far a run is from done"),
        counted=later(
            "The image at half of the steps is measured as the last one is. A run has settled if "
            "its relative error is at most 0.1 and if SSIM, layout and detail changed by at most "
            "0.01 while the number of steps doubled."
        ),
        source=later(
            "convviz's own rule. The second half of a run told better what more steps would change "
            "than its last fifth or a few steps added to it."
        ),
        check=later(
            "longer runs: with --settled the benchmark prints, beside what this rule says of a "
            "run, what eight times the steps change."
        ),
        test="benchmarks/reconstruction.py",
    ),
    "reconstruction loss": Convention(
        title=later("Loss"),
        counted=later(
            "The squared relative error, before a ReLU with what its input misses added, plus 50 "
            "times the mean squared distance of the pixels from 0…1, plus the weighted total "
            "variation, after each step."
        ),
        source=later(
            "Mahendran & Vedaldi 2015; the parts are written out in reconstruction/objective."
        ),
        check=later("automatic differentiation and values worked out by hand."),
        test="tests/reconstruction/test_objective.py",
    ),
    "reconstruction presets": Convention(
        title=later("Presets"),
        counted=later(
            "The optimiser, and the strength and the spectrum of the noise to start from, for each "
            "layer those of the nearest layer that was tried."
        ),
        source=later(
            "runs with the trained AlexNet, VGG16 and GoogLeNet; a guess for other networks."
        ),
        check=later(
            "the same runs from other noise, and Adam and L-BFGS of torch.optim after as many "
            "passes."
        ),
        test="benchmarks/passes.py",
    ),
    "reconstruction step time": Convention(
        title=later("What a time buys"),
        counted=later(
            "One step up to the layer, timed once on this machine, at 112 × 112 pixels and counted "
            "by the area where that is long. From the middle of the encoder on, under 40 steps is "
            "called a blur, 80 a picture."
        ),
        source=later("convviz's own words, from the errors after so many passes."),
        check=later("the errors after 10, 20, 40, 80 and 160 passes."),
        test="benchmarks/passes.py",
    ),
    "amplified": Convention(
        title=later("How much more a layer answers"),
        counted=later(
            "Of a layer, the root mean square of its numbers after the ReLU, with their signs "
            "where no ReLU follows; of a channel, the mean of its map, before its ReLU where it "
            "has one. Both are measured on 8-bit images at the network's own size."
        ),
        source=later("Mordvintsev, Olah & Tyka 2015, who maximise the same square."),
        check=later("a forward pass of PyTorch with hooks over the two saved images."),
        test="tests/reconstruction/test_amplify.py",
    ),
    "recorded series": Convention(
        title=later("Recorded depth series"),
        counted=later(
            "Relative error, PSNR, SSIM, layout and detail of a recorded series are measured on "
            "its images as they come with convviz, JPEG files, and not on what the optimisation "
            "held before. How the images stood at half of the steps was measured without "
            "compression. The settings are those that stand beside the series."
        ),
        source=later("scripts/make_depth_series.py, which runs the code of this page."),
        check=later(
            "each file, opened again and sent through the network by itself; and a short series "
            "computed anew."
        ),
        test="tests/reconstruction/test_recorded.py",
    ),
    # ---- transfer learning ----
    "trained_parameters": Convention(
        title=later("Trained and frozen parameters"),
        counted=later(
            "The sum of all numbers in the weights and biases of the parts that training changes, "
            "and of those that it does not; tensors that are shared count once."
        ),
        source=later("torch.nn.Module.parameters, numel and requires_grad."),
        check=later(
            "counts by hand: a decoder of GoogLeNet for 3 classes has 1,024 · 3 + 3, and what is "
            "frozen keeps every bit through a training."
        ),
        test="tests/learning/test_plan.py",
    ),
    "test_accuracy": Convention(
        title=later("Test accuracy"),
        counted=later(
            "The share of the tested pictures whose most probable class is theirs. They chose "
            "nothing: the weights come from other pictures, and so does the epoch. From 200 "
            "pictures on a quarter is tested; below that five-fold cross-validation tests each "
            "picture once. Where folders train, val and test divide the pictures, test is tested, "
            "or val without it."
        ),
        source=later(
            "Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd edition "
            "(2009), sections 7.2 and 7.10."
        ),
        check=later(
            "scikit-learn's accuracy_score and confusion_matrix; and pure noise with labels, whose "
            "accuracy is that of guessing."
        ),
        test="tests/learning/test_evaluation.py",
    ),
    "probe accuracy": Convention(
        title=later("Class mean and linear probe"),
        counted=later(
            "At each stage the maps after the ReLU are averaged over their positions: one number "
            "for each channel, standardised over the pictures learned from. The class mean names "
            "the class whose mean is nearest; the linear probe is logistic regression with C = 1 "
            "(L2). Five-fold cross-validation, the same folds everywhere; of more than 600 "
            "pictures 600 are drawn. The untrained encoder has one draw of first weights."
        ),
        source=later(
            "Alain and Bengio, “Understanding intermediate layers using linear classifier probes”, "
            "2016."
        ),
        check=later("scikit-learn's NearestCentroid and LogisticRegression on the same features."),
        test="tests/learning/test_separation.py",
    ),
    "points of images": Convention(
        title=later("Pictures as points"),
        counted=later(
            "Principal components of the standardised features, found without your image, which is "
            "put among them; or t-SNE of 50 such components, perplexity 30, with your image."
        ),
        source=later(
            "Pearson (1901), On lines and planes of closest fit; van der Maaten and Hinton (2008), "
            "Visualizing data using t-SNE."
        ),
        check=later("scikit-learn's PCA; t-SNE is scikit-learn's."),
        test="tests/learning/test_probe.py",
    ),
    "nearest images": Convention(
        title=later("Nearest pictures"),
        counted=later(
            "By cosine distance, 1 − cos, of the features as they are: the averages of the "
            "channels' maps."
        ),
        source=later("The definition of the cosine distance."),
        check=later("scikit-learn's cosine_distances."),
        test="tests/learning/test_probe.py",
    ),
    "accuracy_interval": Convention(
        title=later("95 % interval"),
        counted=later(
            "The accuracies for which a result such as this one is not unusual, given the number "
            "of tested pictures. It leaves out that another seed trains another network."
        ),
        source=later(
            "Wilson (1927), Probable inference, Journal of the American Statistical Association 22."
        ),
        check=later("scipy.stats.binomtest with its method “wilson”."),
        test="tests/learning/test_evaluation.py",
    ),
    "same_pictures": Convention(
        title=later("The same picture under several names"),
        counted=later(
            "Pictures of equal size whose decoded pixels are all equal, in whatever format "
            "(Imagenette: files of equal bytes). They are kept together when pictures are divided. "
            "Crops of one photograph, and copies saved anew with losses, are not recognised."
        ),
        source=later("SHA-256 of the decoded pixels."),
        check=later(
            "zips with known copies; and the rules of scikit-learn's StratifiedGroupKFold."
        ),
        test="tests/datasets/test_labelled_set.py",
    ),
    "accuracies_compared": Convention(
        title=later("Two trainings compared"),
        counted=later(
            "Both are tested with the same pictures; what counts is those that only one of them "
            "classifies correctly. A p-value below 0.05 is said to be more than chance. Each was "
            "trained with one seed."
        ),
        source=later("McNemar (1947), Psychometrika 12, in its exact form."),
        check=later("scipy.stats.binomtest."),
        test="tests/learning/test_significance.py",
    ),
    "largest_class": Convention(
        title=later("Always the largest class"),
        counted=later(
            "The accuracy of a classifier that names the most frequent class whatever it sees: "
            "that class's share of the pictures that were measured on."
        ),
        source=later("The usual baseline for classes of unequal size."),
        check=later("scikit-learn's DummyClassifier with the strategy “most_frequent”."),
        test="tests/datasets/test_labelled_set.py",
    ),
    # ---- training, auxiliary classifiers, filters ----
    "gradient_norm": Convention(
        title=later("Gradient norm"),
        counted=later(
            "The Euclidean length of the loss's gradient with respect to the weights of a stage's "
            "convolutions and fully connected layers, biases and batch norms left out, in double "
            "precision. Whether much arrives is judged by that length divided by the length of the "
            "weights: what a step of gradient descent with learning rate 1 would change. Below "
            "0.0001 that is called hardly anything, below 0.01 little."
        ),
        source=later(
            "Szegedy et al. 2015, §5, for the loss; You, Gitman and Ginsburg 2017 (LARS) for the "
            "ratio of gradient and weights. The two limits are convviz's own."
        ),
        check=later("central differences of the loss in double precision, weight by weight"),
        test="tests/learning/test_gradients.py",
    ),
    "paired_accuracy": Convention(
        title=later("Difference of two accuracies"),
        counted=later(
            "Over the same validation images. Those that both networks name correctly, or both "
            "wrongly, say nothing; of the others either would have half by chance. The exact "
            "two-sided p-value is given, and below 0.05 counts as more than chance. It speaks of "
            "the two trained networks, one seed each."
        ),
        source=later("McNemar 1947, Psychometrika 12, in its exact form"),
        check=later("SciPy's binomial test"),
        test="tests/learning/test_significance.py",
    ),
    "guessing": Convention(
        title=later("Guessing"),
        counted=later(
            "Accuracy: always naming the class with the most training images. Loss: giving every "
            "image the training images' shares of the classes, which costs their entropy in nats; "
            "ln K for K classes of equal size."
        ),
        source=later("the definitions of majority-class baseline and entropy"),
        check=later("scikit-learn's DummyClassifier and log loss"),
        test="tests/learning/test_guessing.py",
    ),
    "head_depth": Convention(
        title=later("Depth of a head"),
        counted=later(
            "Convolutions and fully connected layers on the longest way from the image to what the "
            "head reads; an Inception module counts two."
        ),
        source=later("Szegedy et al. 2015, table 1, which counts 22 for the whole network"),
        check=later("a walk by hand through the modules of torchvision's GoogLeNet"),
        test="tests/learning/test_findings.py",
    ),
    "head_probability": Convention(
        title=later("Probability"),
        counted=later("Softmax over all classes of the head's scores."),
        source=later("the cross-entropy loss that the network was trained with"),
        check=later("torch's own softmax of a pass in which the heads run"),
        test="tests/features/test_class_evidence.py",
    ),
    "recorded_loss": Convention(
        title=later("Loss of the recorded training"),
        counted=later(
            "Cross-entropy of the main classifier in nats with label smoothing, a running mean "
            "over batches of randomly cut training images that keeps 0.98 of itself at every step. "
            "Its floor is the entropy of the smoothed target."
        ),
        source=later(
            "Szegedy et al. 2016, §7, for label smoothing; the log that the training wrote"
        ),
        check=later("torch's cross-entropy at the best scores that an optimizer finds"),
        test="tests/learning/test_guessing.py",
    ),
    "recorded_accuracy": Convention(
        title=later("Accuracy of the recorded training"),
        counted=later(
            "Share of validation images whose class has the highest score. On the way a fixed part "
            "of them at the size of the training images of that moment, in the end all of them. "
            "The standard error is that of a part drawn without repetition, √(p(1 − p)/n · (1 − "
            "n/N))."
        ),
        source=later("the log that the training wrote; Cochran 1977, Sampling Techniques, §3.2"),
        check=later("SciPy's hypergeometric distribution"),
        test="tests/ui/test_training_findings.py",
    ),
    "live_accuracy": Convention(
        title=later("Validation accuracy"),
        counted=later(
            "Share of the validation images whose class has the highest score, of the weights that "
            "are kept: those of the epoch that is best on these images."
        ),
        source=later(
            "early stopping (Goodfellow et al. 2016, §7.8), without a third part for a test"
        ),
        check=later("scikit-learn's accuracy of the same network"),
        test="tests/learning/test_live.py",
    ),
    "empty_while_training": Convention(
        title=later("Empty and dead channels while training"),
        counted=later(
            "In eval mode, on the weights of that moment: a channel is empty if nothing of it is "
            "above 0 after its ReLU, for one image; dead if so for each of several images."
        ),
        source=later("the definition of ReLU; the same count as on the page Activations"),
        check=later("a pass written out with torch.nn.functional"),
        test="tests/learning/test_recording.py",
    ),
    "kernel_norm": Convention(
        title=later("Norm of a filter"),
        counted=later("Euclidean length of all weights of one output channel, its bias left out."),
        source=later("the definition of the Frobenius norm"),
        check=later("NumPy's norm"),
        test="tests/ui/test_filters_findings.py",
    ),
    "untrained_kernels": Convention(
        title=later("Untrained kernels"),
        counted=later(
            "Normal numbers with mean 0 and variance 2 / (inputs of one output value). torchvision "
            "begins otherwise: VGG with 2 / (outputs), AlexNet with uniform numbers, GoogLeNet "
            "with a standard deviation of 0.01."
        ),
        source=later("He et al. 2015, Delving Deep into Rectifiers; torchvision's source"),
        check=later("torch's kaiming_normal_"),
        test="tests/ui/test_filters_findings.py",
    ),
    "design_accuracy": Convention(
        title=later("Test accuracy of a design"),
        counted=later(
            "Share of the test pictures whose class has the highest score, of the weights of the "
            "epoch that is best on the validation pictures. All seeds and both designs have the "
            "same split: a quarter of the pictures tests, a fifth of the others chooses the epoch; "
            "of fewer than 200 pictures a fifth tests. Copies are tested once."
        ),
        source=later("Goodfellow et al. 2016, §5.3, for training, validation and test"),
        check=later("the same network run and compared with torch alone"),
        test="tests/learning/test_design_comparison.py",
    ),
    "paired_seeds": Convention(
        title=later("Difference of two designs"),
        counted=later(
            "The second's test accuracy less the first's, seed by seed; the mean of these "
            "differences has Student's 95 % interval over the seeds. A design is called better if "
            "that interval leaves out 0, and if McNemar's test over the test pictures, each by "
            "what most of a design's seeds say, has p < 0.05."
        ),
        source=later("Student 1908, Biometrika 6; McNemar 1947, Psychometrika 12"),
        check=later("SciPy's ttest_rel and its confidence interval"),
        test="tests/learning/test_design_comparison.py",
    ),
}


def how_we_know(*names: str) -> None:
    """Draw what is closed at first: the conventions of the numbers that a view shows.

    Args:
        names: Entries of `CONVENTIONS`, in the order of the view's numbers.
    """
    with st.expander(tr("How we know"), icon=":material/fact_check:"):
        for name in names:
            convention = CONVENTIONS[name]
            st.markdown(
                tr(
                    "**{title}.** {counted}\n\n*Source:* {source}\n\n*Checked against:* {check} "
                    "(`{test}`)",
                    title=tr(convention.title),
                    counted=glossary.mark(tr(convention.counted)),
                    source=tr(convention.source),
                    check=tr(convention.check),
                    test=convention.test,
                )
            )
