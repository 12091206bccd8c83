// Prints the fused multiply-adds per second, times two, of as many threads as the argument says.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#if defined(__AVX512F__)
constexpr int BYTES = 64;
#elif defined(__AVX__)
constexpr int BYTES = 32;
#else
constexpr int BYTES = 16;
#endif
typedef float Vector __attribute__((vector_size(BYTES)));
constexpr int CHAINS = 12;  // more than the latency of an operation times those begun at once
constexpr long ROUNDS = 20'000'000;

double rate() {
  Vector sums[CHAINS], factor = Vector{} + 0.999f, term = Vector{} + 1e-3f;
  for (int i = 0; i < CHAINS; ++i) sums[i] = Vector{} + float(i);
  asm volatile("" : "+x"(factor), "+x"(term));
  const auto start = std::chrono::steady_clock::now();
  for (long round = 0; round < ROUNDS; ++round)
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; ++i) sums[i] = sums[i] * factor + term;
  for (int i = 0; i < CHAINS; ++i) asm volatile("" ::"x"(sums[i]));
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  return 2.0 * ROUNDS * CHAINS * (BYTES / sizeof(float)) / time.count();
}

int main(int, char** arguments) {
  std::vector<double> rates(std::atoi(arguments[1]));
  std::vector<std::thread> threads;
  for (double& own : rates) threads.emplace_back([&own] { own = rate(); });
  for (std::thread& thread : threads) thread.join();
  double sum = 0;
  for (double own : rates) sum += own;
  std::printf("%.0f\n", sum);
}
