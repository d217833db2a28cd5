"""Images drawn with the lines along which they are cut."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from course_utils.plotting import images_in_patches


def test_each_image_stands_whole_beside_the_next_with_its_lines():
    images = np.random.default_rng(0).random((3, 4, 6))
    ax = images_in_patches(Figure().subplots(), images, 2, title="three")
    sheet = np.ma.filled(ax.get_images()[0].get_array(), np.nan)
    for k, image in enumerate(images):
        assert np.allclose(sheet[:, 7 * k:7 * k + 6], image)
    assert len(ax.get_lines()) == 3 * (4 + 3)  # upright ones, then those across
    assert ax.alt_text == ("three. 3 images of 4 by 6 pixels side by side, each cut by lines into 2 by 3 patches.")


@pytest.mark.parametrize("shape", [(4, 6), (1, 5, 6), (1, 4, 5)])
def test_what_cannot_be_cut_is_told(shape):
    with pytest.raises(ValueError, match="images should have shape"):
        images_in_patches(Figure().subplots(), np.zeros(shape), 2)
