"""Cut a series into the windows that a network is trained on."""

import numpy as np


def cut_windows(values: np.ndarray, look_back: int, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Return every stretch of `look_back` values with the `horizon` values after it.

    >>> past, future = cut_windows(np.arange(5.0), look_back=2, horizon=1)
    >>> past.tolist(), future.tolist()
    ([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]], [[2.0], [3.0], [4.0]])

    Args:
        values: (time,).
        look_back: Steps that the network sees.
        horizon: Steps that it forecasts.

    Returns:
        Past (windows, look_back) and future (windows, horizon).

    Raises:
        ValueError: there are fewer values than one window takes.
    """
    if len(values) < look_back + horizon:
        raise ValueError(
            f"a look-back of {look_back} and a horizon of {horizon} need at least "
            f"{look_back + horizon} values. Got {len(values)}."
        )
    windows = np.lib.stride_tricks.sliding_window_view(values, look_back + horizon)
    return windows[:, :look_back].copy(), windows[:, look_back:].copy()
