// Vectors of the compiler's own kind: as wide as the instruction set for which this is compiled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

// Each instruction set has a namespace of its own, so that the linker never mixes their code.
#ifndef KERASRNN_ISA
#define KERASRNN_ISA baseline
#endif

namespace kerasrnn::KERASRNN_ISA {

using Index = std::ptrdiff_t;

#if defined(__AVX512F__)
#define KERASRNN_MANY_REGISTERS
constexpr int VECTOR_BYTES = 64;
#elif defined(__AVX2__)
constexpr int VECTOR_BYTES = 32;
#elif defined(__aarch64__)
#define KERASRNN_MANY_REGISTERS
constexpr int VECTOR_BYTES = 16;
#else
constexpr int VECTOR_BYTES = 16;
#endif

template <class T>
struct Types;

template <>
struct Types<float> {
  typedef float Vector __attribute__((vector_size(VECTOR_BYTES)));
  typedef int32_t Bits __attribute__((vector_size(VECTOR_BYTES)));
};

template <>
struct Types<double> {
  typedef double Vector __attribute__((vector_size(VECTOR_BYTES)));
  typedef int64_t Bits __attribute__((vector_size(VECTOR_BYTES)));
};

template <class T>
using Vector = typename Types<T>::Vector;
template <class T>
using Bits = typename Types<T>::Bits;

// Values in a vector, vectors in a panel, and rows in a tile whose sums stay in registers.
template <class T>
constexpr Index LANES = VECTOR_BYTES / sizeof(T);
constexpr int VECTORS = 4;
template <class T>
constexpr Index PANEL = VECTORS * LANES<T>;
#if defined(KERASRNN_MANY_REGISTERS)  // 32 of them
constexpr int ROWS = 6;
#else
constexpr int ROWS = 3;
#endif

template <class A>
constexpr A least(A a, A b) {
  return b < a ? b : a;
}
template <class A>
constexpr A most(A a, A b) {
  return a < b ? b : a;
}
constexpr Index parts(Index whole, Index part) { return (whole + part - 1) / part; }
template <class T>
constexpr Index padded(Index units) {
  return parts(units, LANES<T>) * LANES<T>;
}

template <class T>
inline Vector<T> load(const T* from) {
  Vector<T> value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
inline void store(T* to, Vector<T> value) {
  std::memcpy(to, &value, sizeof value);
}

// The first `count` values only, the rest 0.
template <class T>
inline Vector<T> load(const T* from, Index count) {
  if (count >= LANES<T>) return load(from);
  Vector<T> value{};
  for (Index lane = 0; lane < count; ++lane) value[lane] = from[lane];
  return value;
}

template <class T>
inline void store(T* to, Vector<T> value, Index count) {
  if (count >= LANES<T>) return store(to, value);
  for (Index lane = 0; lane < count; ++lane) to[lane] = value[lane];
}

}  // namespace kerasrnn::KERASRNN_ISA
