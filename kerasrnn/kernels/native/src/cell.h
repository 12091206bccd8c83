// One layer in one direction: its tensors in the order of processing, and its share of a pass.
#pragma once

#include "panels.h"

namespace kerasrnn::KERASRNN_ISA {

// One step of an array, row by row.
template <class T>
struct Rows {
  T* at;
  Index stride;
  T* operator[](Index row) const { return at + row * stride; }
};

// An array by steps in the order of processing, of which only the last `ring` are held.
template <class T>
struct Steps {
  T* at = nullptr;
  Index time_stride = 0, row_stride = 0, ring = 1;
  Rows<T> operator[](Index step) const {
    // A division costs as much as a small tile.
    return {at + (step < ring ? step : step % ring) * time_stride, row_stride};
  }
  operator Steps<const T>() const { return {at, time_stride, row_stride, ring}; }
};

template <class T>
Steps<T> in_order(const Sequence<T>& sequence, Index time, bool reverse) {
  if (!sequence.at) return {};
  T* first = reverse ? sequence.row(time - 1, 0) : sequence.at;
  return {first, reverse ? -sequence.time_stride : sequence.time_stride, sequence.row_stride, time};
}

// Steps that are run one after the other, and the states before the first.
template <class T>
struct Range {
  Index first, last;
  Rows<const T> hidden, cell;
};

template <class T>
struct Cell {
  Stack stack;
  Index features;
  Steps<const T> inputs;
  Steps<const bool> mask;
  Weights<const T> weights;
  Rows<const T> hidden_start, cell_start;  // the initial states

  // What a step leaves behind; memories are an LSTM's hidden values before their projection.
  Steps<T> hidden, gates, cells, memories;
  Steps<T> stored_hidden, stored_cells;  // at the segments' starts
  bool keep;                             // whether gates are wanted later

  // Packed weights; `back` those of the backward pass.
  T* bias;
  Columns columns;  // of the gates
  Packed<T> kernel, recurrent, projection;
  Packed<T> kernel_back, recurrent_back, projection_back;

  // Gradients.
  Steps<const T> grad_outputs;
  Steps<T> grad_inputs;
  bool adds_to_grad_inputs;
  Steps<T> grad_projected;
  Packed<T> grad_kernel, grad_recurrent, grad_projection;
  Rows<T> grad_hidden, grad_cell;  // of the state after the step at hand
  Weights<T> grad_weights;

  const Layout& layout() const { return layout_of(stack.mode); }
  Rows<const T> hidden_before(const Range<T>& range, Index step) const {
    return step == range.first ? range.hidden : Steps<const T>(hidden)[step - 1];
  }
  Rows<const T> cell_before(const Range<T>& range, Index step) const {
    return step == range.first ? range.cell : Steps<const T>(cells)[step - 1];
  }
};

// What one thread does: rows of the batch for all units, which needs no waiting, or all rows
// for some panels, and then all wait for each other at every step.
struct Share {
  Team& team;
  int rank;
  Index batch;
  bool by_units;
  Index rows_from, rows_to;

  Share(Team& team, int rank, Index batch, bool by_units)
      : team(team), rank(rank), batch(batch), by_units(by_units) {
    rows_from = by_units ? 0 : part(batch, rank);
    rows_to = by_units ? batch : part(batch, rank + 1);
  }
  Index part(Index whole, int of) const { return whole * of / team.size; }
  Index panels_from(Index panels) const { return by_units ? part(panels, rank) : 0; }
  Index panels_to(Index panels) const { return by_units ? part(panels, rank + 1) : panels; }
  Index rows() const { return rows_to - rows_from; }
  void wait() const {
    if (by_units) team.barrier();
  }
};

// Walks over the rows of a batch, step after step.
struct Cursor {
  Index step, row, from, to;
  void next() {
    if (++row == to) row = from, ++step;
  }
};

}  // namespace kerasrnn::KERASRNN_ISA
