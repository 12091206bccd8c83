// The passes over a stack, as each thread runs them.
#pragma once

#include "plan.h"

namespace kerasrnn::KERASRNN_ISA {

// Products below this many operations are done before another thread has woken up.
constexpr double WORTH_A_THREAD = 4e6;
// Recurrent weights larger than this do not stay in each thread's cache: the threads part them.
constexpr Index LARGE = 1 << 20;

inline double operations(const Stack& stack) {
  double depth = 0;
  for (Index layer = 0; layer < stack.layers; ++layer)
    depth += double(stack.directions * (stack.features_of(layer) + stack.outputs()));
  return 2.0 * double(stack.time * stack.batch * stack.gates() * stack.units) * depth;
}

inline int threads_for(const Stack& stack, const Threads& threads) {
  const double worth = operations(stack) / WORTH_A_THREAD;
  return worth < threads.most ? most(1, int(worth)) : threads.most;
}

template <class T>
bool parts_units(const Stack& stack, int threads) {
  const Index weights = stack.outputs() * stack.gates() * stack.units * Index(sizeof(T));
  if (parts(stack.outputs(), PANEL<T>) < 2 * threads) return false;
  return weights > LARGE || stack.batch < threads * ROWS;
}

template <class T>
struct Run {
  const Stack& stack;
  Plan<T>& plan;
  const Backward<T>& given;
  bool by_units;
};

template <class T>
void pack_forward(const Cell<T>& cell, const Share& share) {
  pack(cell.kernel, cell.weights.kernel, share);
  pack(cell.recurrent, cell.weights.recurrent, share);
  if (share.rank == 0) pack_bias(cell.bias, cell.weights.bias, cell.columns, cell.stack.mode);
  if (cell.stack.projection) pack(cell.projection, cell.weights.projection, share);
}

template <class T>
void pack_backward(const Cell<T>& cell, const Share& share) {
  const Columns& columns = cell.columns;
  const Layout& layout = cell.layout();
  pack_transposed(cell.recurrent_back, cell.weights.recurrent, columns, layout.hidden, share);
  if (cell.grad_inputs.at)
    pack_transposed(cell.kernel_back, cell.weights.kernel, columns, layout.inputs, share);
  if (cell.stack.projection)
    pack_transposed(cell.projection_back, cell.weights.projection, cell.grad_projection.columns,
                    {0, VECTORS}, share);
}

// Copies rows of `count` values and fills up with zeros.
template <class T>
void copy_rows(Rows<T> to, Index width, Rows<const T> from, Index count, const Share& share) {
  for (Index b = share.part(share.batch, share.rank); b < share.part(share.batch, share.rank + 1);
       ++b) {
    for (Index unit = 0; unit < count; ++unit) to[b][unit] = from.at ? from[b][unit] : T(0);
    for (Index unit = count; unit < width; ++unit) to[b][unit] = T(0);
  }
}

template <class T>
Range<T> segment(const Cell<T>& cell, Index number) {
  const Stack& stack = cell.stack;
  const Index first = number * stack.segment(), last = least(first + stack.segment(), stack.time);
  if (number == 0) return {first, last, cell.hidden_start, cell.cell_start};
  return {first, last, Steps<const T>(cell.stored_hidden)[number],
          Steps<const T>(cell.stored_cells)[number]};
}

// The first segment's too: the reserve is a result, and none of its values is left to chance.
template <class T>
void store_states(const Cell<T>& cell, Index number, const Share& share) {
  const Index before = number * cell.stack.segment() - 1, units = padded<T>(cell.stack.units);
  const Index outputs = cell.stack.outputs();
  const Rows<const T> hidden =
      number ? Steps<const T>(cell.hidden)[before] : Rows<const T>(cell.hidden_start);
  copy_rows(cell.stored_hidden[number], outputs, hidden, outputs, share);
  if (cell.stored_cells.at) {
    const Rows<const T> memory =
        number ? Steps<const T>(cell.cells)[before] : Rows<const T>(cell.cell_start);
    copy_rows(cell.stored_cells[number], units, memory, cell.stack.units, share);
  }
  share.wait();
}

template <Mode mode, class T>
void forward(const Run<T>& run, const Share& share) {
  const Stack& stack = run.stack;
  for (Index i = 0; i < stack.cells(); ++i) pack_forward(run.plan.cells[i], share);
  share.team.barrier();
  for (Index i = 0; i < stack.cells(); ++i) {
    const Cell<T>& cell = run.plan.cells[i];
    if (!cell.stored_hidden.at) {
      run_forward<mode>(cell, Range<T>{0, stack.time, cell.hidden_start, cell.cell_start}, share);
    } else {
      for (Index number = 0; number < stack.segments(); ++number) {
        store_states(cell, number, share);
        run_forward<mode>(cell, segment(cell, number), share);
      }
    }
    T* const* finals = run.given.forward.finals + i * stack.states();
    const Index last = stack.time - 1, outputs = stack.outputs(), units = stack.units;
    copy_rows<T>({finals[0], outputs}, outputs, Steps<const T>(cell.hidden)[last], outputs, share);
    if (cell.cells.at)
      copy_rows<T>({finals[1], units}, units, Steps<const T>(cell.cells)[last], units, share);
  }
}

template <class T>
void clear(T* values, Index count, const Share& share) {
  if (!values) return;
  for (Index k = share.part(count, share.rank); k < share.part(count, share.rank + 1); ++k)
    values[k] = T(0);
}

template <class T>
void prepare_gradients(const Run<T>& run, Index index, const Cell<T>& cell, const Share& share) {
  const Stack& stack = run.stack;
  const Index outputs = stack.outputs();
  clear(cell.grad_kernel.at, cell.grad_kernel.size(), share);
  clear(cell.grad_recurrent.at, cell.grad_recurrent.size(), share);
  clear(cell.grad_projection.at, cell.grad_projection.size(), share);
  clear(cell.grad_weights.bias, 2 * cell.columns.width(), share);
  const T* const* finals = run.given.grad_finals + index * stack.states();
  const Index units = stack.units;
  copy_rows<T>(cell.grad_hidden, padded<T>(outputs), {finals[0], outputs}, outputs, share);
  if (cell.grad_cell.at)
    copy_rows<T>(cell.grad_cell, padded<T>(units), {finals[1], units}, units, share);
}

template <class T>
void hand_out_weights(const Cell<T>& cell, const Share& share) {
  const Weights<T>& to = cell.grad_weights;
  if (to.kernel) unpack(to.kernel, cell.grad_kernel, share);
  if (to.recurrent) unpack(to.recurrent, cell.grad_recurrent, share);
  if (to.projection) unpack(to.projection, cell.grad_projection, share);
}

template <class T>
void hand_out_states(const Run<T>& run, Index index, const Cell<T>& cell, const Share& share) {
  const Stack& stack = run.stack;
  T* const* states = run.given.grad_states + index * stack.states();
  const Index outputs = stack.outputs(), units = stack.units;
  const auto constant = [](Rows<T> rows) { return Rows<const T>{rows.at, rows.stride}; };
  if (states[0])
    copy_rows<T>({states[0], outputs}, outputs, constant(cell.grad_hidden), outputs, share);
  if (cell.grad_cell.at && states[1])
    copy_rows<T>({states[1], units}, units, constant(cell.grad_cell), units, share);
}

template <Mode mode, class T>
void backward(const Run<T>& run, const Share& share) {
  const Stack& stack = run.stack;
  for (Index i = 0; i < stack.cells(); ++i) {
    const Cell<T>& cell = run.plan.cells[i];
    if (stack.checkpointed()) pack_forward(cell, share);
    pack_backward(cell, share);
    prepare_gradients(run, i, cell, share);
  }
  share.team.barrier();
  for (Index layer = stack.layers - 1; layer >= 0; --layer) {
    for (Index direction = 0; direction < stack.directions; ++direction) {
      const Index i = layer * stack.directions + direction;
      const Cell<T>& cell = run.plan.cells[i];
      for (Index number = stack.segments() - 1; number >= 0; --number) {
        const Range<T> range = segment(cell, number);
        if (stack.checkpointed()) run_forward<mode>(cell, range, share);
        run_backward<mode>(cell, range, share);
        share.team.barrier();
        gradients_of_weights(cell, range, share, run.plan.room + share.rank * run.plan.room_of_one);
        if (cell.grad_inputs.at) gradients_of_inputs(cell, range, share);
        share.team.barrier();
      }
      hand_out_weights(cell, share);
      hand_out_states(run, i, cell, share);
    }
  }
}

}  // namespace kerasrnn::KERASRNN_ISA
