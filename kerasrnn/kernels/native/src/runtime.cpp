// What is compiled once for all instruction sets: the choice among them, memory, the barrier.

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <sched.h>

#include "stack.h"

namespace kerasrnn {

#define KERASRNN_DECLARE(isa)                  \
  namespace isa {                              \
  extern const Engine<float> engine_float;     \
  extern const Engine<double> engine_double;   \
  }
KERASRNN_DECLARE(baseline)
#if defined(__x86_64__)
KERASRNN_DECLARE(avx2)
KERASRNN_DECLARE(avx512)
#endif

namespace {

struct Choice {
  const char* name;
  bool runs;
  const Engine<float>* single;
  const Engine<double>* twice;
};

// The best first.
const Choice* choices() {
  static const Choice all[] = {
#if defined(__x86_64__)
      {"avx512",
       __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"),
       &avx512::engine_float, &avx512::engine_double},
      {"avx2", __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"),
       &avx2::engine_float, &avx2::engine_double},
#endif
      {"baseline", true, &baseline::engine_float, &baseline::engine_double},
      {nullptr, false, nullptr, nullptr},
  };
  return all;
}

const Choice& choose() {
  const char* wanted = std::getenv("KERASRNN_NATIVE_ISA");
  std::string known;
  for (const Choice* one = choices(); one->name; ++one) {
    if (!one->runs) continue;
    if (!wanted || !*wanted || !std::strcmp(wanted, one->name)) return *one;
    known += known.empty() ? one->name : std::string(", ") + one->name;
  }
  throw std::runtime_error("KERASRNN_NATIVE_ISA must be one of " + known +
                           " on this processor. Got " + wanted + ".");
}

const Choice& chosen() {
  static const Choice& choice = choose();
  return choice;
}

}  // namespace

std::vector<std::string> isas() {
  std::vector<std::string> found;
  for (const Choice* one = choices(); one->name; ++one)
    if (one->runs) found.push_back(one->name);
  return found;
}

template <> const Engine<float>& engine<float>() { return *chosen().single; }
template <> const Engine<double>& engine<double>() { return *chosen().twice; }

namespace {

void pause(unsigned spins) {
  // Another process may run where a thread of the team should.
  if (spins > 2000) {
    sched_yield();
    return;
  }
#if defined(__x86_64__)
  _mm_pause();
#endif
}

}  // namespace

void Team::barrier() {
  if (size == 1) return;
  const unsigned before = __atomic_load_n(&round_, __ATOMIC_ACQUIRE);
  if (__atomic_add_fetch(&arrived_, 1, __ATOMIC_ACQ_REL) == size) {
    __atomic_store_n(&arrived_, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&round_, before + 1, __ATOMIC_RELEASE);
    return;
  }
  for (unsigned spins = 0; __atomic_load_n(&round_, __ATOMIC_ACQUIRE) == before; ++spins)
    pause(spins);
}

namespace {

struct Scratch {
  void* at = nullptr;
  std::size_t bytes = 0;
  ~Scratch() { std::free(at); }
};

}  // namespace

void* scratch(std::size_t bytes) {
  thread_local Scratch own;
  if (bytes > own.bytes) {
    std::free(own.at);
    own.bytes = (bytes + 4095) / 4096 * 4096;
    own.at = std::aligned_alloc(4096, own.bytes);
    if (!own.at) {
      own.bytes = 0;
      throw std::bad_alloc();
    }
  }
  return own.at;
}

}  // namespace kerasrnn
