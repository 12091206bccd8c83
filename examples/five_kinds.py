"""The five kinds of sequence problem, each on a small task that a network visibly solves.

- one-to-one: two digits, and their sum
- one-to-many: from three numbers, a curve of 40 points
- many-to-one: is a review kind? "not" turns the next word around
- many-to-many, equal: the part of speech of each word, some of which depend on the others
- many-to-many, unequal: dates such as "Sunday, 7 March 2021" as 2021-03-07
"""

from start import save  # sets the backend

import keras
import numpy as np
from date_translation import many_to_many_unequal
from keras import ops
from matplotlib.figure import Figure

import kerasrnn

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)


def trained(model: keras.Model, loss: str, x, y, epochs: int, rate: float = 1e-2) -> keras.Model:
    decay = keras.optimizers.schedules.CosineDecay(rate, epochs * -(-len(y) // 64))
    model.compile(keras.optimizers.Adam(decay, clipnorm=1.0), loss)
    model.fit(x, y, batch_size=64, epochs=epochs, verbose=0)
    return model


def told(kind: str, score: float) -> float:
    print(f"{kind:24} {100 * score:5.1f} % of what was held out", flush=True)
    return score


def one_to_one() -> float:
    """Two digits, one-hot, are one step; a quarter of all pairs is held out."""
    digits = rng.permutation(100)
    x = np.concatenate([np.eye(10)[digits // 10], np.eye(10)[digits % 10]], axis=1)[:, None]
    y = (digits // 10 + digits % 10).astype("float32")
    inputs = keras.Input((1, 20))
    hidden = kerasrnn.RNN(32, nonlinearity="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    trained(model, "mse", x[:75], y[:75], epochs=300)
    sums = model.predict(x[75:], verbose=0)[:, 0].round()
    return told("one-to-one", float(np.mean(sums == y[75:])))


def one_to_many(axes) -> float:
    """Size, speed and fading make a curve; the network draws it from an initial state."""
    time = np.linspace(0, 1, 40)
    codes = rng.uniform(0, 1, (1200, 3))
    size, speed, fading = codes.T[:, :, None]
    curves = (0.5 + size) * np.sin((6 + 9 * speed) * time) * np.exp(-3 * fading * time)
    code = keras.Input((3,))
    clock = ops.ones_like(code[:, None, :1]) * time.reshape(1, 40, 1).astype("float32")
    state = keras.layers.Dense(48, "tanh")(code)
    hidden = kerasrnn.GRU(48, return_sequences=True)(clock, initial_state=state)
    model = keras.Model(code, keras.layers.Dense(1)(hidden))
    trained(model, "mse", codes[:1000], curves[:1000, :, None], epochs=60)
    drawn = model.predict(codes[1000:], verbose=0)[:, :, 0]
    for i in range(3):
        axes.plot(time, curves[1000 + i], color="#9aa5b8", linewidth=4)
        axes.plot(time, drawn[i], color="#e07a1f")
    axes.set(title="Curves from three numbers (grey: true)", xlabel="time")
    explained = 1 - np.mean((drawn - curves[1000:]) ** 2) / np.var(curves[1000:])
    return told("one-to-many", float(explained))


def many_to_one() -> float:
    """Kind and unkind words are counted; "not" turns the next one around."""
    words = ["", "a", "film", "the", "plot", "was", "not", "good", "great", "bad", "dull"]
    values = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, -1, -1])
    not_, length, count = words.index("not"), 12, 6000
    x = rng.integers(1, len(words), (count, length))
    x[np.arange(length) >= rng.integers(4, length + 1, (count, 1))] = 0  # 0 fills up the rest
    turned = np.where(np.roll(x == not_, 1, axis=1) & (np.arange(length) > 0), -1, 1)
    sums = (values[x] * turned).sum(axis=1)
    x, y = x[sums != 0], (sums > 0)[sums != 0].astype("float32")
    inputs = keras.Input((length,), dtype="int32")
    vectors = keras.layers.Embedding(len(words), 16, mask_zero=True)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(kerasrnn.LSTM(32)(vectors)))
    held_out = len(x) // 5
    trained(model, "binary_crossentropy", x[held_out:], y[held_out:], epochs=8)
    kind = model.predict(x[:held_out], verbose=0)[:, 0] > 0.5
    return told("many-to-one", float(np.mean(kind == y[:held_out])))


def sentence() -> list[tuple[str, str]]:
    """Return words with their parts of speech; "book", "play" and "light" may be several."""

    def pick(*choices: str) -> str:
        return str(rng.choice(choices))

    noun = (pick("book", "play", "dog", "light", "child", "ship"), "noun")
    described = [(pick("light", "old", "red"), "adjective")] if rng.random() < 0.5 else []
    thing = [(pick("the", "a"), "article"), *described, noun]
    who = [(pick("we", "they", "you"), "pronoun")] if rng.random() < 0.5 else list(thing)
    verb = [(pick("book", "play", "light", "see", "like"), "verb")]
    how = [(pick("often", "gladly"), "adverb")] if rng.random() < 0.4 else []
    other = (pick("book", "play", "dog", "light", "child", "ship"), "noun")
    return [*who, *how, *verb, (pick("the", "a"), "article"), other]


def many_to_many_equal() -> float:
    """Words in both directions; what fills up a sentence is masked."""
    sentences = [sentence() for _ in range(3000)]
    length = max(map(len, sentences))
    words = sorted({word for one in sentences for word, _ in one})
    parts = sorted({part for one in sentences for _, part in one})
    x, y = np.zeros((2, len(sentences), length), "int32")
    for i, one in enumerate(sentences):
        x[i, : len(one)] = [1 + words.index(word) for word, _ in one]
        y[i, : len(one)] = [parts.index(part) for _, part in one]
    inputs = keras.Input((length,), dtype="int32")
    vectors = keras.layers.Embedding(1 + len(words), 16, mask_zero=True)(inputs)
    hidden = kerasrnn.LSTM(16, bidirectional=True, return_sequences=True)(vectors)
    model = keras.Model(inputs, keras.layers.Dense(len(parts), "softmax")(hidden))
    trained(model, "sparse_categorical_crossentropy", x[600:], y[600:], epochs=5)
    found, is_word = model.predict(x[:600], verbose=0).argmax(axis=-1), x[:600] > 0
    return told("many-to-many, equal", float(np.mean(found[is_word] == y[:600][is_word])))


if __name__ == "__main__":
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    scores = {
        "one-to-one": one_to_one(),
        "one-to-many": one_to_many(right),
        "many-to-one": many_to_one(),
        "many-to-many,\nequal": many_to_many_equal(),
        "many-to-many,\nunequal": told("many-to-many, unequal", many_to_many_unequal()),
    }
    bars = left.barh(list(scores), [100 * score for score in scores.values()], color="#1b7f5c")
    left.bar_label(bars, fmt="%.1f", label_type="center", color="white")
    left.invert_yaxis()
    left.set(xlabel="held-out score, percent", xlim=(0, 100), title="Five kinds of problem")
    save(figure, "five_kinds.png")
