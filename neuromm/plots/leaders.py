"""Names in a column beside a plot, joined to their points by leaders that do not cross."""

import numpy as np


def push_apart(heights, apart, top=np.inf):
    """Heights at least `apart` from each other, in the same order, as near to where they were as pushing upward allows.

    Parameters
    ----------
    heights : array, shape (n,)
        In ascending order.
    top : float
        None stands above; the whole column moves down if it must.
    """
    heights = np.array(heights, float)
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + apart)
    excess = max(0.0, heights[-1] - top) if len(heights) else 0.0
    for i in range(len(heights) - 1, -1, -1):
        ceiling = heights[i + 1] - apart if i + 1 < len(heights) else heights[i] - excess
        heights[i] = min(heights[i], ceiling)
    return heights


def heights_without_crossings(points, heights, x):
    """Heights of names in a column at `x`, dealt out so that no two straight leaders from the points cross.

    Exchanging the ends of two leaders that cross shortens both together, so the exchanges come to an end.

    Parameters
    ----------
    points : array, shape (n, 2)
        All left of `x`.
    heights : array, shape (n,)
    x : float

    Returns
    -------
    array, shape (n,)
        The same heights in another order.
    """
    heights = np.array(heights, float)
    crossed = True
    while crossed:
        crossed = False
        for i in range(len(heights)):
            for j in range(i):
                start = max(points[i][0], points[j][0])  # where both leaders are there
                at = [p[1] + (h - p[1]) * (start - p[0]) / (x - p[0])
                      for p, h in ((points[i], heights[i]), (points[j], heights[j]))]  # fmt: skip
                if (at[0] - at[1]) * (heights[i] - heights[j]) < 0:
                    heights[i], heights[j] = heights[j], heights[i]
                    crossed = True
    return heights
