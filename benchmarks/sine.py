"""Train both sine recipes with ten seeds and score the generated curves.

    KERAS_BACKEND=jax python benchmarks/sine.py

prints the root mean square error over 49 generated points, over seeds and starts.
"""

import keras
import numpy as np

from kerasrnn.forecasting.sine import RECIPES, STARTS, SineRun, curve, generate, train

SEEDS = range(10)


def main() -> None:
    """Print a row for each recipe."""
    print(f"keras {keras.__version__} on {keras.backend.backend()}")
    for recipe in RECIPES:
        errors = []
        for seed in SEEDS:
            model = train(SineRun(recipe, seed=seed), report=False)
            for start in STARTS:
                generated = generate(model, float(curve(start)[0]))
                errors.append(np.sqrt(np.mean((generated - curve(start)[1:]) ** 2)))
        print(
            f"{recipe:8s}  least {min(errors):.4f}  median {np.median(errors):.4f}  "
            f"most {max(errors):.4f}"
        )


if __name__ == "__main__":
    main()
