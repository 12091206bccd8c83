// The equations of each mode on vectors, forward and backward, and where its gates lie.
//
// What is stored of a step is a row of panels; a panel holds VECTORS vectors. In a gated mode
// these are the gates of as many units as a vector holds, in a plain RNN further units.
// Equations: the documentation of torch.nn, with Keras's order of gates in the weights.
#pragma once

#include "activations.h"
#include "stack.h"

namespace kerasrnn::KERASRNN_ISA {

// One vector of units of one row of the batch.
template <class T>
struct State {
  Vector<T> hidden, cell;
};

// Vectors of a panel.
struct Window {
  int first, count;
};

// The vectors of a panel that depend on the inputs and on the hidden state, and the gate, in
// Keras's order, that each vector holds.
struct Layout {
  Window inputs, hidden;
  int gate[VECTORS];
};

constexpr Layout LSTM_LAYOUT = {{0, 4}, {0, 4}, {0, 1, 2, 3}};  // i, f, g, o
// n (the inputs' part), z, r, n (the hidden state's part)
constexpr Layout GRU_LAYOUT = {{0, 3}, {1, 3}, {2, 0, 1, 2}};
constexpr Layout RNN_LAYOUT = {{0, 4}, {0, 4}, {0, 0, 0, 0}};

constexpr const Layout& layout_of(Mode mode) {
  return mode == Mode::lstm ? LSTM_LAYOUT : mode == Mode::gru ? GRU_LAYOUT : RNN_LAYOUT;
}

constexpr bool is_gated(Mode mode) { return mode == Mode::lstm || mode == Mode::gru; }

// Turns the sums of a step into what is kept of it; returns the new state.
template <Mode mode, class T>
inline State<T> step(Vector<T>* gate, const State<T>& before) {
  if constexpr (mode == Mode::lstm) {
    gate[0] = sigmoid<T>(gate[0]);
    gate[1] = sigmoid<T>(gate[1]);
    gate[2] = tanh<T>(gate[2]);
    gate[3] = sigmoid<T>(gate[3]);
    const Vector<T> cell = gate[1] * before.cell + gate[0] * gate[2];
    return {gate[3] * tanh<T>(cell), cell};
  } else if constexpr (mode == Mode::gru) {
    gate[1] = sigmoid<T>(gate[1]);
    gate[2] = sigmoid<T>(gate[2]);
    gate[0] = tanh<T>(gate[0] + gate[2] * gate[3]);
    return {gate[0] + gate[1] * (before.hidden - gate[0]), Vector<T>{}};
  } else if constexpr (mode == Mode::rnn_tanh) {
    return {tanh<T>(gate[0]), Vector<T>{}};
  } else {
    // A NaN stays one.
    return {gate[0] < T(0) ? Vector<T>{} : gate[0], Vector<T>{}};
  }
}

// Turns what was kept of a step into the gradients of its sums, given those of the new state;
// returns those of the state before, without what passes through the recurrent product.
template <Mode mode, class T>
inline State<T> step_back(Vector<T>* gate, const State<T>& before, const State<T>& after,
                          const State<T>& grad) {
  const Vector<T> one = T(1) - Vector<T>{};
  if constexpr (mode == Mode::lstm) {
    const Vector<T> i = gate[0], f = gate[1], g = gate[2], o = gate[3];
    const Vector<T> squashed = tanh<T>(after.cell);
    const Vector<T> cell = grad.cell + grad.hidden * o * (one - squashed * squashed);
    gate[0] = cell * g * i * (one - i);
    gate[1] = cell * before.cell * f * (one - f);
    gate[2] = cell * i * (one - g * g);
    gate[3] = grad.hidden * squashed * o * (one - o);
    return {Vector<T>{}, cell * f};
  } else if constexpr (mode == Mode::gru) {
    const Vector<T> n = gate[0], z = gate[1], r = gate[2], inner = gate[3];
    const Vector<T> sum = grad.hidden * (one - z) * (one - n * n);
    gate[0] = sum;
    gate[1] = grad.hidden * (before.hidden - n) * z * (one - z);
    gate[2] = sum * inner * r * (one - r);
    gate[3] = sum * r;
    return {grad.hidden * z, Vector<T>{}};
  } else if constexpr (mode == Mode::rnn_tanh) {
    gate[0] = grad.hidden * (one - after.hidden * after.hidden);
    return {Vector<T>{}, Vector<T>{}};
  } else {
    gate[0] = after.hidden > T(0) ? grad.hidden : Vector<T>{};
    return {Vector<T>{}, Vector<T>{}};
  }
}

}  // namespace kerasrnn::KERASRNN_ISA
