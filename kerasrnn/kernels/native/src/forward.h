// The steps of one cell, forward.
#pragma once

#include "multiply.h"

namespace kerasrnn::KERASRNN_ISA {

// Bytes of gates that are prepared ahead; they should stay in the second-level cache.
constexpr Index AHEAD = 2 << 20;

// gates = bias + inputs * kernel, for steps first to last.
template <class T>
void project_inputs(const Cell<T>& cell, Index first, Index last, const Share& share) {
  const Packed<T>& kernel = cell.kernel;
  const bool windowed = kernel.window.count < VECTORS;
  const Index panels = kernel.panels(), rows = (last - first) * share.rows();
  for (Index p = share.panels_from(panels); p < share.panels_to(panels); ++p) {
    const T* bias = cell.bias + kernel.offset(p);
    Cursor at{first, share.rows_from, share.rows_from, share.rows_to};
    for_row_blocks(rows, [&](Index, int height) {
      TileRows<T> tile;
      for (int r = 0; r < height; ++r, at.next()) {
        tile.left[r] = cell.inputs[at.step][at.row];
        tile.start[r] = bias;
        tile.to[r] = cell.gates[at.step][at.row] + kernel.offset(p);
        // The vectors that the inputs have no part in.
        if (windowed) store(tile.to[r] + 3 * LANES<T>, load<T>(bias + 3 * LANES<T>));
      }
      multiply_padded(kernel, p, height, tile);
    });
  }
}

// What the equations of one step read and write.
template <class T>
struct StepRows {
  bool projected, keep;
  Rows<const T> hidden_before, cell_before;
  Rows<T> hidden, cells, gates;
  Rows<const bool> mask;

  StepRows(const Cell<T>& cell, const Range<T>& range, Index at)
      : projected(cell.stack.projection),
        keep(cell.keep),
        hidden_before(cell.hidden_before(range, at)),
        cell_before(cell.cell_before(range, at)),
        hidden(projected ? cell.memories[at] : cell.hidden[at]),
        cells(cell.cells[at]),
        gates(cell.gates[at]),
        mask(cell.mask[at]) {}

  bool valid(Index row) const { return !mask.at || *mask[row]; }
};

// From the sums of a vector of units of one row to their new state.
template <Mode mode, class T>
inline void finish_units(const StepRows<T>& at, Index row, Index unit, Index count) {
  constexpr int kept = is_gated(mode) ? VECTORS : 1;
  const bool valid = at.valid(row), carries = !valid && !at.projected;
  T* gates = at.gates[row] + unit * kept;
  State<T> before{Vector<T>{}, Vector<T>{}};
  if (mode == Mode::gru || carries) before.hidden = load(at.hidden_before[row] + unit, count);
  if (mode == Mode::lstm) before.cell = load(at.cell_before[row] + unit, count);
  State<T> after = before;
  if (valid) {
    Vector<T> values[kept];
    for (int v = 0; v < kept; ++v) values[v] = load<T>(gates + v * LANES<T>);
    after = step<mode, T>(values, before);
    if (is_gated(mode) && at.keep)
      for (int v = 0; v < kept; ++v) store(gates + v * LANES<T>, values[v]);
  }
  if (mode == Mode::lstm) store(at.cells[row] + unit, after.cell);
  // Memories fill whole vectors, the hidden values of the caller do not.
  store(at.hidden[row] + unit, after.hidden, at.projected ? LANES<T> : count);
}

// The recurrent product of one step, and what follows from it.
template <Mode mode, class T>
void run_step(const Cell<T>& cell, const Range<T>& range, Index step, const Share& share) {
  const StepRows<T> at(cell, range, step);
  const Packed<T>& recurrent = cell.recurrent;
  const Columns& columns = recurrent.columns;
  for (Index p = share.panels_from(recurrent.panels()); p < share.panels_to(recurrent.panels());
       ++p) {
    for_row_blocks(share.rows(), [&](Index block, int height) {
      const Index row = share.rows_from + block;
      TileRows<T> tile;
      for (int r = 0; r < height; ++r) {
        tile.left[r] = at.hidden_before[row + r];
        tile.start[r] = tile.to[r] = at.gates[row + r] + recurrent.offset(p);
      }
      multiply_padded(recurrent, p, height, tile);
      for (Index b = row; b < row + height; ++b)
        for (int v = 0; v < columns.unit_vectors<T>(p); ++v)
          finish_units<mode>(at, b, columns.unit<T>(p, v), columns.count<T>(p, v));
    });
  }
}

// hidden = memories * projection kernel.
template <class T>
void project_memories(const Cell<T>& cell, const Range<T>& range, Index step, const Share& share) {
  const Packed<T>& projection = cell.projection;
  const Rows<const T> before = cell.hidden_before(range, step);
  const Rows<T> hidden = cell.hidden[step], memories = cell.memories[step];
  const Rows<const bool> mask = cell.mask[step];
  const Vector<T> zeros[VECTORS] = {};
  for (Index p = share.panels_from(projection.panels()); p < share.panels_to(projection.panels());
       ++p) {
    for_row_blocks(share.rows(), [&](Index block, int height) {
      const Index row = share.rows_from + block, offset = projection.offset(p);
      TileRows<T> tile;
      for (int r = 0; r < height; ++r) {
        tile.left[r] = memories[row + r];
        tile.start[r] = reinterpret_cast<const T*>(zeros);
        tile.to[r] = hidden[row + r] + offset;
      }
      multiply_exact(projection, p, height, tile);
      for (int r = 0; r < height; ++r) {
        if (!mask.at || *mask[row + r]) continue;
        const Index values = least(PANEL<T>, projection.columns.units - offset);
        std::memcpy(tile.to[r], before[row + r] + offset, values * sizeof(T));
      }
    });
  }
}

template <Mode mode, class T>
void run_forward(const Cell<T>& cell, const Range<T>& range, const Share& share) {
  const Index row = cell.gates.row_stride * share.rows() * Index(sizeof(T));
  const Index chunk = least(cell.gates.ring, most<Index>(1, AHEAD / most<Index>(1, row)));
  for (Index first = range.first; first < range.last; first += chunk) {
    const Index last = least(first + chunk, range.last);
    project_inputs(cell, first, last, share);
    for (Index at = first; at < last; ++at) {
      run_step<mode>(cell, range, at, share);
      share.wait();
      if (cell.stack.projection) {
        project_memories(cell, range, at, share);
        share.wait();
      }
    }
  }
}

}  // namespace kerasrnn::KERASRNN_ISA
