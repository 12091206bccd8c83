// Rows times panels, where the rows are found by their pointers.
#pragma once

#include "cell.h"
#include "tile.h"

namespace kerasrnn::KERASRNN_ISA {

// The rows of one tile: to = start + left * panel.
template <class T>
struct TileRows {
  const T* left[ROWS];
  const T* start[ROWS];
  T* to[ROWS];
};

template <class T>
inline void multiply_padded(const Packed<T>& right, Index panel, int rows,
                            const TileRows<T>& tile) {
  tile_of<T>(rows, right.vectors(panel))(tile.to, tile.start, tile.left, right.panel(panel),
                                         right.over);
}

// The same where rows end with their last unit.
template <class T>
inline void multiply_exact(const Packed<T>& right, Index panel, int rows, const TileRows<T>& tile) {
  const Index values = least(PANEL<T>, right.columns.units - panel * PANEL<T>);
  if (values == PANEL<T>) return multiply_padded(right, panel, rows, tile);
  T whole[ROWS * PANEL<T>] = {};
  TileRows<T> own;
  for (int r = 0; r < rows; ++r) {
    own.left[r] = tile.left[r];
    own.start[r] = own.to[r] = whole + r * PANEL<T>;
    std::memcpy(own.to[r], tile.start[r], values * sizeof(T));
  }
  multiply_padded(right, panel, rows, own);
  for (int r = 0; r < rows; ++r) std::memcpy(tile.to[r], own.to[r], values * sizeof(T));
}

}  // namespace kerasrnn::KERASRNN_ISA
