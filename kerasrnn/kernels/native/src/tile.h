// The microkernel: a few rows times a panel, the sums in registers.
#pragma once

#include "panels.h"

namespace kerasrnn::KERASRNN_ISA {

// to[r][v] = start[r][v] + sum over k of left[r][k * step] * panel[k][v], where the panel has
// PANEL values for each k and v counts vectors.
template <int rows, int vectors, int step, class T>
void multiply_tile(T* const* to, const T* const* start, const T* const* left, const T* panel,
                   const Depth& over) {
  Vector<T> sum[rows][vectors];
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sum[r][v] = load(start[r] + v * LANES<T>);
  for (Index block = 0; block < over.blocks; ++block) {
    const T* from[rows];
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) from[r] = left[r] + block * over.skip;
    for (Index k = 0; k < over.depth; ++k, panel += PANEL<T>) {
      Vector<T> right[vectors];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) right[v] = load(panel + v * LANES<T>);
#pragma GCC unroll 6
      for (int r = 0; r < rows; ++r) {
        const T value = from[r][k * step];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) sum[r][v] += value * right[v];
      }
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) store(to[r] + v * LANES<T>, sum[r][v]);
}

template <class T>
using Multiply = void (*)(T* const*, const T* const*, const T* const*, const T*, const Depth&);

template <int rows, int step, class T>
constexpr Multiply<T> OF_HEIGHT[VECTORS] = {
    multiply_tile<rows, 1, step, T>, multiply_tile<rows, 2, step, T>,
    multiply_tile<rows, 3, step, T>, multiply_tile<rows, 4, step, T>};

// The microkernel for 1 to ROWS rows, 1 to VECTORS vectors, and the rows of left side by side.
template <class T>
inline Multiply<T> tile_of(int rows, int vectors) {
  static constexpr const Multiply<T>* all[] = {
      OF_HEIGHT<1, 1, T>, OF_HEIGHT<2, 1, T>, OF_HEIGHT<3, 1, T>,
#if defined(KERASRNN_MANY_REGISTERS)
      OF_HEIGHT<4, 1, T>, OF_HEIGHT<5, 1, T>, OF_HEIGHT<6, 1, T>,
#endif
  };
  static_assert(sizeof all / sizeof *all == ROWS);
  return all[rows - 1][vectors - 1];
}

// The same for ROWS rows of left packed so that the values of one k lie side by side.
template <class T>
inline Multiply<T> packed_tile_of(int vectors) {
  return OF_HEIGHT<ROWS, ROWS, T>[vectors - 1];
}

// Calls a function with the first row and the number of rows of each tile; the tiles are as
// equal in height as can be.
template <class F>
inline void for_row_blocks(Index rows, F&& call) {
  const Index blocks = parts(rows, ROWS), height = blocks ? rows / blocks : 0;
  const Index taller = rows - height * blocks;
  for (Index block = 0, row = 0; block < blocks; ++block) {
    const int own = int(height) + (block < taller);
    call(row, own);
    row += own;
  }
}

}  // namespace kerasrnn::KERASRNN_ISA
