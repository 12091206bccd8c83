// exp, sigmoid and tanh of a vector.
//
// exp(x) = 2^k (1 + p(r)) with k = round(x / ln 2) and r = x - k ln 2, where ln 2 is subtracted
// in two parts (W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980) and
// p(r) = exp(r) - 1 is its Taylor series, long enough for |r| <= ln(2) / 2.
#pragma once

#include "vector.h"

namespace kerasrnn::KERASRNN_ISA {

template <class T>
struct Constants;

template <>
struct Constants<float> {
  static constexpr float ROUNDER = 0x1.8p23f, LOG2_E = 0x1.715476p0f;
  static constexpr float LN_2_HIGH = 0x1.62e4p-1f, LN_2_LOW = 0x1.7f7d1cp-20f;
  static constexpr int MANTISSA = 23;
  static constexpr float EXP_LEAST = -87.0f, EXP_MOST = 89.0f, TANH_MOST = 9.5f;
  static constexpr int TERMS = 8;
};

template <>
struct Constants<double> {
  static constexpr double ROUNDER = 0x1.8p52, LOG2_E = 0x1.71547652b82fep0;
  static constexpr double LN_2_HIGH = 0x1.62e42fefa38p-1, LN_2_LOW = 0x1.ef35793c7673p-45;
  static constexpr int MANTISSA = 52;
  static constexpr double EXP_LEAST = -708.0, EXP_MOST = 710.0, TANH_MOST = 20.0;
  static constexpr int TERMS = 14;
};

template <class T>
constexpr T inverse_factorial(int n) {
  T value = 1;
  for (int i = 2; i <= n; ++i) value *= i;
  return 1 / value;
}

// A comparison with NaN is false: NaN passes through.
template <class T>
inline Vector<T> clamp(Vector<T> x, T low, T high) {
  x = x < low ? low - Vector<T>{} : x;
  return x > high ? high - Vector<T>{} : x;
}

// 2^k and exp(r) - 1.
template <class T>
struct Parts {
  Vector<T> power, rest;
};

template <class T>
inline Parts<T> exp_parts(Vector<T> x) {
  using C = Constants<T>;
  // Adding this number leaves the rounded k in the low bits.
  const Vector<T> shifted = x * C::LOG2_E + C::ROUNDER;
  const Vector<T> k = shifted - C::ROUNDER;
  const Vector<T> r = (x - k * C::LN_2_HIGH) - k * C::LN_2_LOW;
  Vector<T> series = inverse_factorial<T>(C::TERMS - 1) - Vector<T>{};
#pragma GCC unroll 16
  for (int n = C::TERMS - 2; n > 1; --n) series = series * r + inverse_factorial<T>(n);
  const Vector<T> one = T(1) - Vector<T>{};
  const Bits<T> power = ((Bits<T>)shifted << C::MANTISSA) + (Bits<T>)one;
  return {(Vector<T>)power, r * r * series + r};
}

template <class T>
inline Vector<T> sigmoid(Vector<T> x) {
  using C = Constants<T>;
  const Parts<T> e = exp_parts<T>(clamp<T>(-x, C::EXP_LEAST, C::EXP_MOST));
  return T(1) / (T(1) + e.power * (T(1) + e.rest));
}

// With e = exp(2x) - 1 small arguments keep all their digits: tanh(x) = e / (e + 2).
template <class T>
inline Vector<T> tanh(Vector<T> x) {
  using C = Constants<T>;
  const Vector<T> bounded = clamp<T>(x, -C::TANH_MOST, C::TANH_MOST);
  const Parts<T> parts = exp_parts<T>(bounded + bounded);
  const Vector<T> e = parts.power * parts.rest + (parts.power - T(1));
  return e / (e + T(2));
}

}  // namespace kerasrnn::KERASRNN_ISA
