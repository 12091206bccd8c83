"""Many-to-many of unequal length: dates in words become 2021-03-07, letter by letter.

An encoder reads the letters; a decoder starts from its state, looks back at its steps (attention),
and gives one letter after another: in training from the letters before (teacher forcing), then from
those that it has chosen: the best one each time (greedy), or the best few beginnings kept side by
side (beam search).
"""

from start import save  # sets the backend

import datetime

import keras
import numpy as np
from keras import ops
from matplotlib.figure import Figure

import kerasrnn

LETTERS = "".join(sorted(set(" ,-.0123456789abcdefghijklmnopqrstuvwxyz")))
START, UNITS, VECTOR, EPOCHS, DATES = len(LETTERS), 64, 32, 3, 9000
STYLES = ("{0:%A}, {0.day} {0:%B} {0.year}", "{0:%B} {0.day}, {0.year}", "{0.day}.{0.month}.{0:%y}")
SHORT_FROM, DAYS = datetime.date(1970, 1, 1), 36500


def numbers(texts: list[str]) -> np.ndarray:
    """Return the numbers of all letters, blanks at the start."""
    longest = max(map(len, texts))
    return np.array([[LETTERS.index(a) for a in text.rjust(longest)] for text in texts], "int32")


def text(letters: np.ndarray) -> str:
    return "".join(LETTERS[letter] for letter in letters)


def dates(count: int, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Return dates in words, and as they are to be written."""
    days = [SHORT_FROM + datetime.timedelta(int(day)) for day in rng.integers(0, DAYS, count)]
    styles = rng.choice(STYLES, count)
    return [s.format(d).lower() for s, d in zip(styles, days, strict=True)], [*map(str, days)]


class Translator:
    """An encoder and a decoder; the decoder's layers also make single steps."""

    def __init__(self) -> None:
        options = {"return_sequences": True, "return_state": True}
        self.encoder = kerasrnn.GRU(UNITS, bidirectional=True, **options)
        self.bridge = keras.layers.Dense(UNITS, "tanh")
        self.key = keras.layers.Dense(UNITS)
        self.attention = keras.layers.Attention()
        self.read = keras.layers.Embedding(len(LETTERS), VECTOR)
        self.reread = keras.layers.Embedding(len(LETTERS) + 1, VECTOR)
        self.decoder = kerasrnn.GRU(UNITS, return_sequences=True)
        self.letter = keras.layers.Dense(len(LETTERS))
        given, before = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="int32")
        keys, state = self.start(given)
        hidden = self.decoder(self.reread(before), initial_state=state)
        self.model = keras.Model([given, before], self.letters(hidden, keys))

    def start(self, given):
        """Return what was read, step by step, and the decoder's first state."""
        outputs, forward, backward = self.encoder(self.read(given))
        return self.key(outputs), self.bridge(ops.concatenate([forward, backward], axis=-1))

    def letters(self, hidden, keys):
        """Return scores of the next letters, from the decoder's states and where they look."""
        return self.letter(ops.concatenate([hidden, self.attention([hidden, keys])], axis=-1))

    def train(self, given: np.ndarray, wanted: np.ndarray) -> None:
        before = np.insert(wanted[:, :-1], 0, START, axis=1)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        rate = keras.optimizers.schedules.CosineDecay(4e-3, EPOCHS * -(-len(given) // 64))
        self.model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), loss)
        self.model.fit([given, before], wanted, batch_size=64, epochs=EPOCHS, verbose=0)

    def step(self, letters: np.ndarray, state, keys):
        """Return the logarithms of the next letters' probabilities, and the new state."""
        state = self.decoder.cells[0](self.reread(letters), state)
        scores = self.letters(state[:, None], keys)[:, 0]
        return ops.convert_to_numpy(ops.log_softmax(scores)), state

    def greedy(self, given: np.ndarray, length: int) -> np.ndarray:
        """Return the letters (sequences, length), the likeliest one each time."""
        keys, state = self.start(given)
        letters, written = np.full(len(given), START), []
        for _ in range(length):
            chances, state = self.step(letters, state, keys)
            letters = chances.argmax(axis=-1)
            written.append(letters)
        return np.stack(written, axis=1)

    def beam(self, given: np.ndarray, length: int, width: int = 4) -> np.ndarray:
        """Return the likeliest letters of those that begin like one of the best few."""
        rows = np.arange(len(given))[:, None]
        keys, state = (ops.repeat(one, width, axis=0) for one in self.start(given))
        letters = np.full(len(given) * width, START)
        written = np.zeros((len(given), width, 0), int)
        sums = np.where(np.arange(width) == 0, 0.0, -np.inf) * np.ones((len(given), 1))
        for _ in range(length):
            chances, state = self.step(letters, state, keys)
            sums = (sums[:, :, None] + chances.reshape(len(given), width, -1)).reshape(
                len(rows), -1
            )
            best = np.argsort(-sums, axis=1)[:, :width]
            sums = np.take_along_axis(sums, best, axis=1)
            beam, letter = np.divmod(best, len(LETTERS))
            written = np.concatenate([written[rows, beam], letter[:, :, None]], axis=2)
            state = ops.take(state, (rows * width + beam).ravel(), axis=0)
            letters = letter.ravel()
        return written[:, 0]

    def looks(self, given: np.ndarray, written: np.ndarray) -> np.ndarray:
        """Return where it looks (letters written, letters read) at each letter of one date."""
        keys, state = self.start(given)
        before = np.insert(written[:, :-1], 0, START, axis=1)
        hidden = self.decoder(self.reread(before), initial_state=state)
        _, weights = self.attention([hidden, keys], return_attention_scores=True)
        return ops.convert_to_numpy(weights)[0]


def many_to_many_unequal() -> float:
    """Train on dates, and translate others; return the share of those that are right throughout."""
    keras.utils.set_random_seed(0)
    words, written = dates(DATES, np.random.default_rng(0))
    known = set(written[1000:])
    held_out = [i for i in range(1000) if written[i] not in known]
    given, wanted = numbers(words), numbers(written)
    translator = Translator()
    translator.train(given[1000:], wanted[1000:])
    length = wanted.shape[1]
    scores = {}
    for name, decode in {"greedy": translator.greedy, "beam": translator.beam}.items():
        found = decode(given[held_out], length)
        scores[name] = float(np.mean((found == wanted[held_out]).all(axis=1)))
        print(f"{name:6} {100 * scores[name]:5.1f} % of {len(held_out)} dates right throughout")
    for i in held_out[:3]:
        print(f"  {words[i]!r} -> {text(translator.beam(given[[i]], length)[0])}")
    draw(translator, words[held_out[0]], given[[held_out[0]]], wanted[[held_out[0]]])
    return scores["beam"]


def draw(translator: Translator, words: str, given: np.ndarray, wanted: np.ndarray) -> None:
    """Draw where the decoder looks while it writes."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(translator.looks(given, wanted)[:, -len(words) :], cmap="Greens")
    axes.set_xticks(range(len(words)), words)
    axes.set_yticks(range(wanted.shape[1]), text(wanted[0]))
    axes.set(xlabel="read", ylabel="written", title="Where the decoder looks")
    save(figure, "date_translation.png")


if __name__ == "__main__":
    many_to_many_unequal()
