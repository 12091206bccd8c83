// Weights as panels, in the order in which the tiles read them.
#pragma once

#include "cell.h"

namespace kerasrnn::KERASRNN_ISA {

// A matrix with a row for each k.
template <class T>
void pack(const Packed<T>& to, const T* weights, const Share& share) {
  const Index panels = to.panels(), depth = to.over.all();
  for (Index p = share.part(panels, share.rank); p < share.part(panels, share.rank + 1); ++p) {
    for (int v = 0; v < to.vectors(p); ++v) {
      const int own = to.window.first + v;
      const T* from = weights + to.columns.template column<T>(p, own);
      const Index lanes = to.columns.template count<T>(p, own), width = to.columns.width();
      T* target = to.panel(p) + v * LANES<T>;
      for (Index k = 0; k < depth; ++k) store(target + k * PANEL<T>, load(from + k * width, lanes));
    }
  }
}

// The way back.
template <class T>
void unpack(T* weights, const Packed<T>& from, const Share& share) {
  const Index panels = from.panels(), depth = from.over.all();
  for (Index p = share.part(panels, share.rank); p < share.part(panels, share.rank + 1); ++p) {
    for (int v = 0; v < from.vectors(p); ++v) {
      const int own = from.window.first + v;
      T* to = weights + from.columns.template column<T>(p, own);
      const Index lanes = from.columns.template count<T>(p, own), width = from.columns.width();
      const T* source = from.panel(p) + v * LANES<T>;
      for (Index k = 0; k < depth; ++k)
        store(to + k * width, load<T>(source + k * PANEL<T>), lanes);
    }
  }
}

// The transposed of a matrix whose columns are, as panels, what is multiplied by it.
template <class T>
void pack_transposed(const Packed<T>& to, const T* weights, const Columns& columns, Window window,
                     const Share& share) {
  const Index panels = to.panels(), width = columns.width();
  for (Index q = share.part(panels, share.rank); q < share.part(panels, share.rank + 1); ++q) {
    const Index rows = least(PANEL<T>, to.columns.units - q * PANEL<T>);
    T* target = to.panel(q);
    for (Index p = 0; p < columns.panels<T>(); ++p) {
      const int end = least(window.first + window.count, columns.vectors<T>(p));
      for (int v = window.first; v < end; ++v, target += PANEL<T> * LANES<T>) {
        const T* from = weights + q * PANEL<T> * width + columns.column<T>(p, v);
        const Index lanes = columns.count<T>(p, v);
        for (Index row = 0; row < PANEL<T>; ++row) {
          const Vector<T> values = row < rows ? load(from + row * width, lanes) : Vector<T>{};
          for (Index lane = 0; lane < LANES<T>; ++lane)
            target[lane * PANEL<T> + row] = values[lane];
        }
      }
    }
  }
}

// What the sums of the gates start from.
template <class T>
void pack_bias(T* to, const T* bias, const Columns& columns, Mode mode) {
  const Layout& layout = layout_of(mode);
  for (Index p = 0; p < columns.panels<T>(); ++p) {
    for (int v = 0; v < columns.vectors<T>(p); ++v) {
      Vector<T> sum{};
      const Index lanes = columns.count<T>(p, v), at = columns.column<T>(p, v);
      if (bias && v < layout.inputs.first + layout.inputs.count) sum += load(bias + at, lanes);
      if (bias && v >= layout.hidden.first) sum += load(bias + columns.width() + at, lanes);
      store(to + p * PANEL<T> + v * LANES<T>, sum);
    }
  }
}

}  // namespace kerasrnn::KERASRNN_ISA
