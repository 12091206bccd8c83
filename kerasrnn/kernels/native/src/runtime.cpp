// What is compiled once for all instruction sets: the choice among them, memory, the barrier.

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif
#include <sched.h>

#include "stack.h"

namespace kerasrnn {

#define KERASRNN_DECLARE(isa)                \
  namespace isa {                            \
  extern const Engine<float> engine_float;   \
  extern const Engine<double> engine_double; \
  }
KERASRNN_DECLARE(baseline)
#if defined(__x86_64__)
KERASRNN_DECLARE(avx2)
KERASRNN_DECLARE(avx512)
#endif

namespace {

#if defined(__x86_64__)
// What both the processor and the operating system have (Intel 64 and IA-32 Architectures
// Software Developer's Manual, volume 1, sections 14.3 and 15.2).
struct Processor {
  bool avx2 = false, avx512 = false;

  Processor() {
    unsigned a, b, c, d;
    const auto bit = [](unsigned word, int number) { return word >> number & 1; };
    if (!__get_cpuid(1, &a, &b, &c, &d) || !bit(c, 27)) return;
    const bool fma = bit(c, 12);
    unsigned saved, high;
    __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return;
    avx2 = fma && bit(b, 5) && (saved & 0x06) == 0x06;
    avx512 = avx2 && bit(b, 16) && bit(b, 17) && bit(b, 30) && bit(b, 31) && (saved & 0xe6) == 0xe6;
  }
};
#endif

struct Choice {
  const char* name;
  bool runs;
  const Engine<float>* single;
  const Engine<double>* twice;
};

// The best first.
const Choice* choices() {
#if defined(__x86_64__)
  static const Processor processor;
#endif
  static const Choice all[] = {
#if defined(__x86_64__)
      {"avx512", processor.avx512, &avx512::engine_float, &avx512::engine_double},
      {"avx2", processor.avx2, &avx2::engine_float, &avx2::engine_double},
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

template <>
const Engine<float>& engine<float>() {
  return *chosen().single;
}
template <>
const Engine<double>& engine<double>() {
  return *chosen().twice;
}

void Team::pause(unsigned spins) {
  // Another process may run where a thread of the team should.
  if (spins > 2000) {
    sched_yield();
    return;
  }
#if defined(__x86_64__)
  _mm_pause();
#endif
}

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

// More than this is given back after each pass.
constexpr std::size_t KEPT = 64 << 20;

struct Scratch {
  void* at = nullptr;
  std::size_t bytes = 0;

  ~Scratch() { std::free(at); }
  void resize(std::size_t wanted) {
    std::free(at);
    bytes = (wanted + 4095) / 4096 * 4096;
    at = wanted ? std::aligned_alloc(4096, bytes) : nullptr;
    if (at || !wanted) return;
    bytes = 0;
    throw std::bad_alloc();
  }
};

thread_local Scratch own_scratch;
std::atomic<std::size_t> most_scratch{0};

}  // namespace

void* scratch(std::size_t bytes) {
  if (bytes > own_scratch.bytes) own_scratch.resize(bytes);
  std::size_t most = most_scratch.load();
  while (most < bytes && !most_scratch.compare_exchange_weak(most, bytes)) {
  }
  return own_scratch.at;
}

void release_scratch() {
  if (own_scratch.bytes > KEPT) own_scratch.resize(0);
}

std::size_t forget_most_scratch() { return most_scratch.exchange(0); }

}  // namespace kerasrnn
