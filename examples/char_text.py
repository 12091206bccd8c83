"""A GRU learns to write from a text file, character by character.

The text is 26 of Shakespeare's sonnets, or what `--text` names; its last tenth is held out, and the
tenth before it shows how learning goes. In training the network sees 64 characters at a time. To
write, it takes one character after another through the layer's cell, which hands its state on. The
scores are divided by a temperature: a low one makes likely characters still likelier, a high one
evens them out.
"""

from options import file_option, parser

file_option("--text", "char_text.txt", "the file that it learns from")
from start import chosen, save  # sets the backend

import keras
import numpy as np
from keras import ops
from matplotlib.figure import Figure
import kerasrnn

STEPS, STRIDE, EPOCHS = 64, 8, 10
TEMPERATURES, WRITTEN, SHOWN = (0.3, 0.6, 1.0), 250, 45

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
try:
    text = chosen.text.read_text(encoding="utf-8")
except UnicodeDecodeError:
    parser.error(f"--text: {chosen.text} is no text in UTF-8")
characters = sorted(set(text))
numbers = np.array([characters.index(character) for character in text])
start, cut = int(0.8 * len(numbers)), int(0.9 * len(numbers))
# The latter two have one character to go on from.
known, watched, held_out = numbers[:start], numbers[start - 1 : cut], numbers[cut - 1 :]
if len(known) <= STEPS:
    parser.error(f"--text: {chosen.text} has {len(text)} characters; give {2 * STEPS} or more")
windows = np.lib.stride_tricks.sliding_window_view(known, STEPS + 1)[::STRIDE]

embedding = keras.layers.Embedding(len(characters), 32)
gru = kerasrnn.GRU(128, return_sequences=True)
dense = keras.layers.Dense(len(characters))
inputs = keras.Input((None,), dtype="int32")
hidden = keras.layers.Dropout(0.3)(gru(embedding(inputs)))
model = keras.Model(inputs, dense(hidden))
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(3e-3, clipnorm=1.0), loss)
history = model.fit(
    windows[:, :-1],
    windows[:, 1:],
    validation_data=(watched[None, :-1], watched[None, 1:]),
    batch_size=64,
    epochs=EPOCHS,
    verbose=0,
).history


def bits_by_counting() -> dict[str, float]:
    """Return bits per held-out character, told from how often it came after the one or two before.

    What was seldom or never seen is taken from the shorter run.
    """
    bits, chances = {}, np.full(len(characters), 1 / len(characters))
    for length, name in enumerate(("single characters", "pairs", "triples"), 1):
        runs = np.lib.stride_tricks.sliding_window_view(numbers, length)
        counts = np.zeros((len(characters),) * length)
        np.add.at(counts, tuple(runs[: start - length + 1].T), 1)
        counts += 6 * chances
        chances = counts / counts.sum(axis=-1, keepdims=True)
        bits[name] = -np.log2(chances[tuple(runs[cut - length + 1 :].T)]).mean()
    return bits


counted = bits_by_counting()
error = model.evaluate(held_out[None, :-1], held_out[None, 1:], verbose=0)
bits = counted | {"GRU": error / np.log(2)}
print(f"bits per character of the {len(held_out) - 1} that were held out")
for name, value in bits.items():
    print(f"  {name:18} {value:.2f}")
gain = min(counted.values()) - bits["GRU"]
verdict = "about even with" if abs(gain) < 0.05 else "better than" if gain > 0 else "worse than"
print(f"On this text the GRU is {verdict} the best way of counting")


def write(temperature: float, count: int) -> tuple[str, np.ndarray]:
    """Print characters as they come; return them, and the probabilities of each."""
    cell, state = gru.cells[0], ops.zeros((1, gru.units))
    number = characters.index("\n") if "\n" in characters else numbers[0]
    written, chances = "", []
    for _ in range(count):
        state = cell(embedding(np.array([number])), state)
        scores = ops.convert_to_numpy(dense(state))[0].astype("float64") / temperature
        chances.append(np.exp(scores - scores.max()))
        chances[-1] /= chances[-1].sum()
        number = rng.choice(len(characters), p=chances[-1])
        written += characters[number]
        print(characters[number], end="", flush=True)
    return written, np.array(chances)


for temperature in TEMPERATURES:
    print(f"\n--- temperature {temperature} ---")
    written, chances = write(temperature, WRITTEN)
print()

figure = Figure(figsize=(11, 4.5), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=(1, 2))
epochs = range(1, EPOCHS + 1)
left.plot(epochs, np.array(history["loss"]) / np.log(2), label="known, with dropout")
left.plot(epochs, np.array(history["val_loss"]) / np.log(2), label="next tenth")
left.axhline(bits["GRU"], color="#1b7f5c", label="held out, in the end")
left.axhline(bits["pairs"], color="#9aa5b8", linestyle="--", label="held out, pairs counted")
left.axhline(bits["triples"], color="#9aa5b8", linestyle=":", label="held out, triples counted")
left.set(xlabel="epoch", ylabel="bits per character", title="Learning")
left.legend()
likely = np.sort(np.argsort(-chances[:SHOWN].mean(axis=0))[:20])
image = right.imshow(chances[:SHOWN, likely].T, cmap="Greens", vmin=0, vmax=1, aspect="auto")
names = {"\n": "¶", " ": "␣"}
right.set_xticks(range(SHOWN), [names.get(character, character) for character in written[:SHOWN]])
right.set_yticks(range(len(likely)), [names.get(characters[i], characters[i]) for i in likely])
right.set(xlabel=f"written at temperature {TEMPERATURES[-1]}", title="What might have come")
figure.colorbar(image, label="probability")
save(figure, "char_text.png")
