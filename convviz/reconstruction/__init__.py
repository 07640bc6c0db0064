"""Optimise the image, not the weights: what does a layer still know about an image?

`reconstruct` finds the image whose feature maps at a layer match a given image's, starting from
noise (Mahendran & Vedaldi, "Understanding Deep Image Representations by Inverting Them", 2015).
"""
