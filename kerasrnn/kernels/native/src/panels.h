// Matrices cut into panels: a panel holds, for each row of the matrix, VECTORS vectors.
#pragma once

#include "modes.h"

namespace kerasrnn::KERASRNN_ISA {

// The columns of a matrix of weights, as panels.
struct Columns {
  bool gated;
  Index units, gates;
  const int* gate = nullptr;  // that each vector of a panel holds

  template <class T>
  Index panels() const {
    return parts(units, gated ? LANES<T> : PANEL<T>);
  }
  // Values in a row of panels, without the vectors of the last that hold no unit.
  template <class T>
  Index row() const {
    return gated ? panels<T>() * PANEL<T> : padded<T>(units);
  }
  // Vectors in a panel; those of different units.
  template <class T>
  int vectors(Index panel) const {
    return gated ? VECTORS
                 : int(least<Index>(VECTORS, padded<T>(units) / LANES<T> - panel * VECTORS));
  }
  template <class T>
  int unit_vectors(Index panel) const {
    return gated ? 1 : vectors<T>(panel);
  }
  // The first unit of a vector, and how many it holds.
  template <class T>
  Index unit(Index panel, int v) const {
    return gated ? panel * LANES<T> : panel * PANEL<T> + v * LANES<T>;
  }
  template <class T>
  Index count(Index panel, int v) const {
    return most<Index>(0, least<Index>(LANES<T>, units - unit<T>(panel, v)));
  }
  // The matrix's width, and the first column of a vector in it.
  Index width() const { return gates * units; }
  template <class T>
  Index column(Index panel, int v) const {
    return (gated ? gate[v] * units : 0) + unit<T>(panel, v);
  }
};

// Which values of a row take part in a product: `blocks` times `depth` of them, `skip` apart from
// the start of one block to the start of the next.
struct Depth {
  Index depth, blocks = 1, skip = 0;
  Index all() const { return depth * blocks; }
};

// The values in rows of panels that a window has: what a transposed matrix is multiplied by.
template <class T>
Depth depth_of(const Columns& columns, const Window& window) {
  if (!columns.gated || window.count == VECTORS) return {columns.row<T>()};
  return {window.count * LANES<T>, columns.panels<T>(), PANEL<T>};
}

// A packed matrix; in a gated mode its products fill the window of each panel only.
template <class T>
struct Packed {
  T* at;
  Columns columns;
  Depth over;
  Window window{0, VECTORS};

  Index size() const { return panels() * over.all() * PANEL<T>; }
  Index panels() const { return columns.template panels<T>(); }
  int vectors(Index panel) const {
    return columns.gated ? window.count : columns.template vectors<T>(panel);
  }
  T* panel(Index number) const {
    return at + number * over.all() * PANEL<T> + window.first * LANES<T>;
  }
  // Of the first vector of a product in a row of panels.
  Index offset(Index panel) const { return panel * PANEL<T> + window.first * LANES<T>; }
};

}  // namespace kerasrnn::KERASRNN_ISA
