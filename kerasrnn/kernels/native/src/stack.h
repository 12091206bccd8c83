// What the kernel is told of a stack of layers, and of the tensors of one run.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kerasrnn {

using Index = std::ptrdiff_t;

// Files compiled for several instruction sets include this one: were a function not inlined, the
// linker might take its code from the wrong one of them.
#define KERASRNN_INLINE [[gnu::always_inline]] inline

enum class Mode : int { rnn_tanh, rnn_relu, lstm, gru };

// The static facts. The output of a cell has `projection` values, or `units` where that is 0.
struct Stack {
  Mode mode;
  Index layers, directions, time, batch, features, units, projection;
  bool has_bias;
  bool wants_sequence;  // the outputs of all steps, not the final states only
  Index every;          // steps between stored states; 0 where every step is stored

  KERASRNN_INLINE Index cells() const { return layers * directions; }
  KERASRNN_INLINE Index states() const { return mode == Mode::lstm ? 2 : 1; }
  KERASRNN_INLINE Index gates() const { return mode == Mode::lstm ? 4 : mode == Mode::gru ? 3 : 1; }
  KERASRNN_INLINE Index outputs() const { return projection ? projection : units; }
  KERASRNN_INLINE Index width() const { return directions * outputs(); }
  KERASRNN_INLINE Index features_of(Index layer) const { return layer ? width() : features; }
  KERASRNN_INLINE bool checkpointed() const { return every > 0; }
  KERASRNN_INLINE Index segment() const { return every && every < time ? every : time; }
  KERASRNN_INLINE Index segments() const { return (time + segment() - 1) / segment(); }
};

// A (time, batch, values) array; values lie side by side, the strides are in values.
template <class T>
struct Sequence {
  T* at;
  Index time_stride, row_stride;
  KERASRNN_INLINE T* row(Index t, Index b) const { return at + t * time_stride + b * row_stride; }
};

// The weights of one cell, or their gradients, in Keras's layout and order of gates.
template <class T>
struct Weights {
  T *kernel, *recurrent, *bias, *projection;
};

// Per cell, layer by layer, direction by direction; states and finals h before c for each cell,
// (batch, values) without gaps.
template <class T>
struct Forward {
  Sequence<const T> inputs;
  Sequence<const bool> mask;  // at == nullptr without a mask
  const T* const* states;
  const Weights<const T>* weights;
  Sequence<T> outputs;  // at == nullptr where they are not wanted
  T* const* finals;
  T* reserve;  // what the backward pass needs; nullptr in inference
};

// Gradients that are nullptr are zero where they are given and not wanted where they are asked for.
template <class T>
struct Backward {
  Forward<T> forward;  // as it was
  Sequence<const T> grad_outputs;
  const T* const* grad_finals;
  Sequence<T> grad_inputs;
  T* const* grad_states;
  const Weights<T>* grad_weights;
};

// The threads that run one pass together.
class Team {
 public:
  Team(int size) : size(size) {}
  const int size;

  void barrier();                     // returns when all have come
  static void pause(unsigned spins);  // while waiting

 private:
  int arrived_ = 0;
  unsigned round_ = 0;
};

// Runs a task on every member of a team of at most `threads`: task(context, rank, team).
using Task = void (*)(void* context, int rank, Team& team);
struct Threads {
  int most;
  // `operations` is about how many additions and multiplications the whole task is.
  void (*run)(const Threads& threads, int wanted, double operations, Task task, void* context);
  void* pool;
};

// The engine as compiled for one instruction set.
template <class T>
struct Engine {
  const char* name;
  Index (*reserve_size)(const Stack&);  // in values
  void (*forward)(const Stack&, const Forward<T>&, const Threads&);
  void (*backward)(const Stack&, const Backward<T>&, const Threads&);
  void (*activations)(const T* from, T* sigmoid, T* tanh, Index count);  // for tests
};

// The best that this processor can run, unless KERASRNN_NATIVE_ISA names a lower one.
template <class T>
const Engine<T>& engine();

// Memory for a pass; the thread keeps it for its next one, unless it is much.
void* scratch(std::size_t bytes);
void release_scratch();
// The most bytes that any pass has taken since this was asked last.
std::size_t forget_most_scratch();

}  // namespace kerasrnn
