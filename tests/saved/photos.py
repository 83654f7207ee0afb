"""Pictures as users have them: one character on paper, photographed in uneven light."""

import numpy as np
from PIL import Image
from scipy.ndimage import affine_transform, gaussian_filter

NOISE = 89
"""Below this the small images have noise in place of black."""
ENLARGED = 24
"""Pixels a pixel of the small images has while it is written anew."""


def strokes(image):
    """How much of each pixel is ink, (480, 480) float32, in an image (20, 20) of the course's kind."""
    clean = np.clip((image.astype(np.float32) - NOISE) / (255 - NOISE), 0, 1)
    large = np.asarray(Image.fromarray(clean).resize([ENLARGED * side for side in image.shape[::-1]]))
    return np.clip((gaussian_filter(large, ENLARGED / 4) - 0.18) / 0.15, 0, 1)


def photograph(
    image,
    rng,
    size=(300, 400),
    share=0.4,
    dark=True,
    *,
    turned=5.0,
    slant=0.1,
    uneven=0.45,
    noise=4.0,
    ruled=False,
    table=False,
    shadow=False,
):
    """A picture, uint8 (h, w): the character takes `share` of the shorter side, somewhere near the middle.

    `turned` (degrees) and `slant` are standard deviations, `uneven` the share of light that is lost from
    the lightest corner to the darkest, `noise` the sensor's, of 255. `ruled` paper has lines, `table` shows
    beside the paper, a `shadow` has an edge.
    """
    cover = strokes(image)
    height, width = size
    wide = share * min(size) / (0.8 * cover.shape[0])  # the ink takes 80% of the small image
    angle = np.deg2rad(rng.normal(0, turned))
    lean = rng.normal(0, slant)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    onto = turn @ np.array([[1, 0], [lean, 1]]) * wide  # rows, columns
    back = np.linalg.inv(onto)
    middle = (np.array(size) - 1) / 2
    at = middle + rng.uniform(-0.6, 0.6, 2) * np.maximum(0, np.array(size) / 2 - 0.68 * share * min(size))
    source = (np.array(cover.shape) - 1) / 2
    smooth = gaussian_filter(cover, 0.4 / wide) if wide < 1 else cover
    ink = affine_transform(smooth, back, source - back @ at, output_shape=size, order=1)
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    direction = rng.uniform(0, 2 * np.pi)
    light = 1 - uneven * (0.5 + 0.35 * (np.cos(direction) * x + np.sin(direction) * y))
    light -= 0.1 * uneven * (x**2 + y**2)
    if shadow:
        edge = np.cos(direction + 1) * x + np.sin(direction + 1) * y + rng.uniform(-0.3, 0.3)
        light *= 1 - 0.3 / (1 + np.exp(-edge * 25))
    paper, pen = (235.0, rng.uniform(25, 90)) if dark else (rng.uniform(25, 60), 235.0)
    picture = np.full(size, paper) + gaussian_filter(rng.normal(0, 1, size), 1) * 6
    if ruled:
        for row in np.arange(rng.uniform(0, 0.2), 1, 0.2) * height:
            line = np.abs(np.arange(height)[:, None] - row + 0.03 * np.arange(width)) < max(0.6, height / 300)
            picture = np.where(line, paper + 0.35 * (pen - paper), picture)
    picture = picture + (pen - picture) * ink
    if table:
        beside = x + 0.1 * y > 0.8
        picture = np.where(beside, 70.0 if dark else 190.0, picture)
    picture = picture * light
    picture = gaussian_filter(picture, max(size) / 1500) + rng.normal(0, noise, size)
    return np.clip(picture, 0, 255).astype(np.uint8)
