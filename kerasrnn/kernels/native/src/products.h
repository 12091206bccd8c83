// The products that need no loop over time: gradients of the weights and of the inputs.
#pragma once

#include "backward.h"

namespace kerasrnn::KERASRNN_ISA {

// Rows of the batch at a time, rows of the weights' gradient at a time, and rows of the inputs'
// gradient at a time: what is packed or shared should stay in the second-level cache.
constexpr Index DEPTH = 512, HEIGHT = 128 * ROWS, BLOCK = 16 * ROWS;

// gradient += transposed left * right, and bias += sums of right, over all rows of a range. The
// gradient is packed as its weights are.
template <class T>
struct Outer {
  Packed<T> gradient;
  Steps<const T> right;  // rows of panels
  T* bias;               // or nullptr
};

// Visits rows from..to of a range, counted over all its steps.
template <class RowsOf, class F>
inline void for_rows(Index first, Index batch, Index from, Index to, RowsOf&& rows_of, F&& visit) {
  Index step = first + from / batch, row = from % batch;
  for (Index k = from; k < to; ++step, row = 0) {
    const auto rows = rows_of(step);
    for (; row < batch && k < to; ++row, ++k) visit(rows[row]);
  }
}

// The packed left, `height` rows of the gradient from `row` on, times one packed panel.
template <class T>
void multiply_panel(const Packed<T>& gradient, const T* left, const T* right, Index panel,
                    Index row, Index height, Index depth) {
  const Multiply<T> multiply = packed_tile_of<T>(gradient.vectors(panel));
  for (Index m = 0; m < height; m += ROWS, left += depth * ROWS) {
    T rest[PANEL<T>] = {};
    T* to[ROWS];
    const T* packed[ROWS];
    for (int r = 0; r < ROWS; ++r) {
      packed[r] = left + r;
      to[r] = m + r < height ? gradient.panel(panel) + (row + m + r) * PANEL<T> : rest;
    }
    multiply(to, to, packed, right + gradient.window.first * LANES<T>, {depth});
  }
}

template <class T>
void add_to_bias(const Outer<T>& outer, const Vector<T>* sums, Index panel) {
  const Packed<T>& gradient = outer.gradient;
  for (int v = gradient.window.first, end = v + gradient.vectors(panel); v < end; ++v) {
    const Index lanes = gradient.columns.template count<T>(panel, v);
    T* to = outer.bias + gradient.columns.template column<T>(panel, v);
    store(to, load<T>(to, lanes) + sums[v], lanes);
  }
}

template <class T, class Left>
void outer_product(const Outer<T>& outer, const Range<T>& range, Left&& left_rows,
                   const Share& share, T* room) {
  const Packed<T>& gradient = outer.gradient;
  const Index batch = share.batch, panels = gradient.panels(), rows = gradient.over.all();
  // Threads part the panels; where there are too few, also the rows of the gradient.
  const Index across = least<Index>(panels, share.team.size), down = share.team.size / across;
  if (share.rank >= across * down) return;
  const Index i = share.rank % across, j = share.rank / across;
  const Index blocks = parts(rows, ROWS);
  const Index row_from = blocks * j / down * ROWS;
  const Index row_to = least(blocks * (j + 1) / down * ROWS, rows);
  const Index all = (range.last - range.first) * batch;
  T *right = room, *left = room + least(DEPTH, all) * PANEL<T>;
  for (Index from = 0; from < all; from += DEPTH) {
    const Index to = least(from + DEPTH, all), depth = to - from;
    for (Index row = row_from; row < row_to; row += HEIGHT) {
      const Index height = least(HEIGHT, row_to - row);
      T* packed = left;
      for_rows(range.first, batch, from, to, left_rows, [&](const T* values) {
        for (Index m = 0; m < height; m += ROWS)
          for (Index r = 0; r < ROWS; ++r)
            packed[m * depth + r] = m + r < height ? values[row + m + r] : T(0);
        packed += ROWS;
      });
      for (Index p = panels * i / across; p < panels * (i + 1) / across; ++p) {
        const int vectors = gradient.columns.template vectors<T>(p);
        Vector<T> sums[VECTORS] = {};
        T* packed = right;
        for_rows(
            range.first, batch, from, to, [&](Index step) { return outer.right[step]; },
            [&](const T* values) {
              for (int v = 0; v < vectors; ++v) {
                const Vector<T> value = load<T>(values + p * PANEL<T> + v * LANES<T>);
                store(packed + v * LANES<T>, value);
                sums[v] += value;
              }
              packed += PANEL<T>;
            });
        if (outer.bias && row == 0) add_to_bias(outer, sums, p);
        multiply_panel(gradient, left, right, p, row, height, depth);
      }
    }
  }
}

template <class T>
void gradients_of_weights(const Cell<T>& cell, const Range<T>& range, const Share& share, T* room) {
  T* bias = cell.grad_weights.bias;
  const Index width = cell.columns.width();
  if (cell.grad_kernel.at)
    outer_product(
        Outer<T>{cell.grad_kernel, cell.gates, bias}, range,
        [&](Index step) { return cell.inputs[step]; }, share, room);
  if (cell.grad_recurrent.at)
    outer_product(
        Outer<T>{cell.grad_recurrent, cell.gates, bias ? bias + width : nullptr}, range,
        [&](Index step) { return cell.hidden_before(range, step); }, share, room);
  if (cell.grad_projection.at)
    outer_product(
        Outer<T>{cell.grad_projection, cell.grad_projected, nullptr}, range,
        [&](Index step) { return Steps<const T>(cell.memories)[step]; }, share, room);
}

// grad of inputs = gates' gradients * transposed kernel.
template <class T>
void gradients_of_inputs(const Cell<T>& cell, const Range<T>& range, const Share& share) {
  const Packed<T>& back = cell.kernel_back;
  const Index first = cell.layout().inputs.first * LANES<T>;
  const Index all = (range.last - range.first) * share.batch, end = share.part(all, share.rank + 1);
  const Vector<T> zeros[VECTORS] = {};
  for (Index from = share.part(all, share.rank); from < end; from += BLOCK) {
    for (Index p = 0; p < back.panels(); ++p) {
      Cursor at{range.first + from / share.batch, from % share.batch, 0, share.batch};
      for_row_blocks(least(BLOCK, end - from), [&](Index, int height) {
        TileRows<T> tile;
        for (int r = 0; r < height; ++r, at.next()) {
          tile.left[r] = cell.gates[at.step][at.row] + first;
          tile.to[r] = cell.grad_inputs[at.step][at.row] + back.offset(p);
          tile.start[r] = cell.adds_to_grad_inputs ? tile.to[r] : reinterpret_cast<const T*>(zeros);
        }
        multiply_exact(back, p, height, tile);
      });
    }
  }
}

}  // namespace kerasrnn::KERASRNN_ISA
