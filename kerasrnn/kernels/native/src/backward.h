// The steps of one cell, backward; gates turn into the gradients of their sums.
#pragma once

#include "forward.h"

namespace kerasrnn::KERASRNN_ISA {

// grad of hidden += gates' gradients of the step after * transposed recurrent kernel, for one
// panel and a few rows.
template <class T>
inline void multiply_back(const Cell<T>& cell, const Packed<T>& back, Rows<T> gates, Index p,
                          Index row, int height) {
  TileRows<T> tile;
  for (int r = 0; r < height; ++r) {
    tile.left[r] = gates[row + r] + cell.layout().hidden.first * LANES<T>;
    tile.start[r] = tile.to[r] = cell.grad_hidden[row + r] + back.offset(p);
  }
  multiply_padded(back, p, height, tile);
}

// From the gradient of a vector of units of one row's new state to those of their sums.
template <Mode mode, class T>
inline void finish_units_back(const Cell<T>& cell, const StepRows<T>& at, T* grad_hidden, Index row,
                              Index unit, Index count) {
  constexpr int kept = is_gated(mode) ? VECTORS : 1;
  T* gates = at.gates[row] + unit * kept;
  if (!at.valid(row)) {
    for (int v = 0; v < kept; ++v) store(gates + v * LANES<T>, Vector<T>{});
    return;
  }
  const Vector<T> zero{};
  State<T> before{zero, zero}, after{zero, zero}, grad{load<T>(grad_hidden), zero};
  if (mode == Mode::gru) before.hidden = load(at.hidden_before[row] + unit, count);
  if (!is_gated(mode)) after.hidden = load<T>(at.hidden[row] + unit, count);
  if (mode == Mode::lstm) {
    before.cell = load(at.cell_before[row] + unit, count);
    after.cell = load<T>(at.cells[row] + unit);
    grad.cell = load<T>(cell.grad_cell[row] + unit);
  }
  Vector<T> values[kept];
  for (int v = 0; v < kept; ++v) values[v] = load<T>(gates + v * LANES<T>);
  const State<T> earlier = step_back<mode, T>(values, before, after, grad);
  for (int v = 0; v < kept; ++v) store(gates + v * LANES<T>, values[v]);
  if (mode == Mode::lstm) store(cell.grad_cell[row] + unit, earlier.cell);
  store(grad_hidden, earlier.hidden);
}

// Adds the gradient of a step's output; returns where that of the hidden state now stands.
template <class T>
inline T* add_grad_output(const Cell<T>& cell, Index step, Index row, Index unit, Index count) {
  T* grad = cell.grad_hidden[row] + unit;
  if (cell.grad_outputs.at)
    store(grad, load<T>(grad) + load(cell.grad_outputs[step][row] + unit, count));
  return grad;
}

// grad of memories = grad of hidden * transposed projection kernel, and what follows from it.
template <Mode mode, class T>
void step_through_projection(const Cell<T>& cell, const StepRows<T>& at, Index step,
                             const Share& share) {
  const Packed<T>& back = cell.projection_back;
  const Columns& columns = back.columns;
  const Rows<T> grads = cell.grad_projected[step];
  const Vector<T> zeros[VECTORS] = {};
  for (Index p = share.panels_from(back.panels()); p < share.panels_to(back.panels()); ++p) {
    for_row_blocks(share.rows(), [&](Index block, int height) {
      const Index row = share.rows_from + block;
      TileRows<T> tile;
      T whole[ROWS * PANEL<T>];
      for (int r = 0; r < height; ++r) {
        tile.left[r] = grads[row + r];
        tile.start[r] = reinterpret_cast<const T*>(zeros);
        tile.to[r] = whole + r * PANEL<T>;
      }
      multiply_padded(back, p, height, tile);
      for (int r = 0; r < height; ++r)
        for (int v = 0; v < columns.vectors<T>(p); ++v)
          finish_units_back<mode>(cell, at, tile.to[r] + v * LANES<T>, row + r,
                                  columns.unit<T>(p, v), columns.count<T>(p, v));
    });
  }
}

template <Mode mode, class T>
void step_backward(const Cell<T>& cell, const Range<T>& range, Index step, const Share& share) {
  const StepRows<T> at(cell, range, step);
  const Packed<T>& back = cell.recurrent_back;
  const Columns& columns = back.columns;
  for (Index p = share.panels_from(back.panels()); p < share.panels_to(back.panels()); ++p) {
    for_row_blocks(share.rows(), [&](Index block, int height) {
      const Index row = share.rows_from + block;
      if (step + 1 < range.last) multiply_back(cell, back, cell.gates[step + 1], p, row, height);
      for (Index b = row; b < row + height; ++b) {
        for (int v = 0; v < columns.vectors<T>(p); ++v) {
          const Index unit = columns.unit<T>(p, v), count = columns.count<T>(p, v);
          T* grad = add_grad_output(cell, step, b, unit, count);
          if (!at.projected) {
            finish_units_back<mode>(cell, at, grad, b, unit, count);
          } else {
            // A masked row keeps its gradient for the step before.
            const bool valid = at.valid(b);
            store(cell.grad_projected[step][b] + unit, valid ? load<T>(grad) : Vector<T>{});
            if (valid) store(grad, Vector<T>{});
          }
        }
      }
    });
  }
  share.wait();
  if (!at.projected) return;
  step_through_projection<mode>(cell, at, step, share);
  share.wait();
}

template <Mode mode, class T>
void run_backward(const Cell<T>& cell, const Range<T>& range, const Share& share) {
  for (Index step = range.last - 1; step >= range.first; --step)
    step_backward<mode>(cell, range, step, share);
  const Packed<T>& back = cell.recurrent_back;
  for (Index p = share.panels_from(back.panels()); p < share.panels_to(back.panels()); ++p)
    for_row_blocks(share.rows(), [&](Index block, int height) {
      multiply_back(cell, back, cell.gates[range.first], p, share.rows_from + block, height);
    });
  share.wait();
}

}  // namespace kerasrnn::KERASRNN_ISA
