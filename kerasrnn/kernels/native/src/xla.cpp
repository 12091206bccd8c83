// The passes as XLA calls them, on its own threads. All sequences are (batch, time, values).
//
// Operands of the forward pass: inputs, the mask if there is one, states, weights; results: final
// states, the outputs if wanted, and for training the reserve. Operands of the backward pass: the
// reserve, the forward pass's operands, its outputs if wanted, gradients of the final states and
// of the outputs if wanted; results: the reserve, gradients of the inputs if asked for, of
// states and of weights.

#include "xla.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <memory>
#include <thread>

#include "stack.h"
#include "xla/ffi/api/ffi.h"

namespace kerasrnn {
namespace {

namespace ffi = xla::ffi;

// A team is those of the pool's threads that come soon: an awake one needs some microseconds, a
// sleeping one more, which a long task can wait for. One that comes later finds the meeting
// closed: nobody ever waits for a thread that may itself wait for this one.
constexpr double PATIENCE = 30e-6, PATIENCE_PER_OPERATION = 2e-13;  // seconds
constexpr int CLOSED = -1 << 20;

struct Meeting {
  std::atomic<int> joined{0};
  std::atomic<Team*> team{nullptr};
  std::atomic<int> done{0};
  const std::thread::id host = std::this_thread::get_id();
  Task task;
  void* context;

  void join() {
    // A pool whose queue is full runs a task at once, in the thread that hands it over.
    if (std::this_thread::get_id() == host) return;
    int others = joined.load();
    do {
      if (others < 0) return;
    } while (!joined.compare_exchange_weak(others, others + 1));
    Team* found = nullptr;
    for (unsigned spins = 0; !(found = team.load()); ++spins) Team::pause(spins);
    task(context, others + 1, *found);
    done.fetch_add(1);
  }
};

void run_in_pool(const Threads& threads, int wanted, double operations, Task task, void* context) {
  auto meeting = std::make_shared<Meeting>();
  meeting->task = task;
  meeting->context = context;
  auto* pool = static_cast<ffi::ThreadPool*>(threads.pool);
  for (int k = 1; k < wanted; ++k) pool->Schedule([meeting] { meeting->join(); });
  const std::chrono::duration<double> patience(PATIENCE + PATIENCE_PER_OPERATION * operations);
  const auto start = std::chrono::steady_clock::now();
  while (meeting->joined.load() < wanted - 1 && std::chrono::steady_clock::now() - start < patience)
    Team::pause(0);
  const int others = meeting->joined.exchange(CLOSED);
  Team team(others + 1);
  meeting->team.store(&team);
  task(context, 0, team);
  for (unsigned spins = 0; meeting->done.load() < others; ++spins) Team::pause(spins);
}

int thread_count(const ffi::ThreadPool& pool) {
  const char* wanted = std::getenv("KERASRNN_NATIVE_THREADS");
  if (wanted && *wanted) return std::max(1, std::atoi(wanted));
  return std::max<int>(1, int(pool.num_threads()));
}

using Numbers = ffi::Span<const int64_t>;

Stack stack_of(Numbers n) {
  return {Mode(n[0]), n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8] != 0, n[9] != 0, n[10]};
}

// Hands out the arguments, or the results, one after the other.
template <class Buffers, class Buffer>
class Queue {
 public:
  Queue(const Buffers& buffers) : buffers_(buffers) {}

  template <class A>
  A* next() {
    if constexpr (std::is_same_v<Buffer, ffi::AnyBuffer>) {
      return static_cast<A*>(buffers_.template get<ffi::AnyBuffer>(next_++)->untyped_data());
    } else {
      return static_cast<A*>((*buffers_.template get<ffi::AnyBuffer>(next_++))->untyped_data());
    }
  }
  template <class A>
  std::vector<A*> some(Index count) {
    std::vector<A*> found;
    for (Index k = 0; k < count; ++k) found.push_back(next<A>());
    return found;
  }
  template <class A>
  Sequence<A> sequence(const Stack& stack, Index width) {
    return {next<A>(), width, stack.time * width};
  }
  template <class A>
  std::vector<Weights<A>> weights(const Stack& stack) {
    std::vector<Weights<A>> found;
    for (Index k = 0; k < stack.cells(); ++k) {
      Weights<A> own{};
      own.kernel = next<A>();
      own.recurrent = next<A>();
      if (stack.has_bias) own.bias = next<A>();
      if (stack.projection) own.projection = next<A>();
      found.push_back(own);
    }
    return found;
  }

 private:
  const Buffers& buffers_;
  std::size_t next_ = 0;
};

using Arguments = Queue<ffi::RemainingArgs, ffi::AnyBuffer>;
using Results = Queue<ffi::RemainingRets, ffi::Result<ffi::AnyBuffer>>;

// What both passes are given.
template <class T>
struct Given {
  std::vector<const T*> states;
  std::vector<Weights<const T>> weights;
  Forward<T> run;

  Given(const Stack& stack, bool masked, Arguments& arguments) : run{} {
    run.inputs = arguments.sequence<const T>(stack, stack.features);
    if (masked) run.mask = arguments.sequence<const bool>(stack, 1);
    states = arguments.some<const T>(stack.cells() * stack.states());
    weights = arguments.weights<const T>(stack);
    run.states = states.data();
    run.weights = weights.data();
  }
};

// An exception must not reach XLA.
template <class F>
ffi::Error guarded(F&& run) {
  try {
    run();
    return ffi::Error::Success();
  } catch (const std::exception& error) {
    return ffi::Error::Internal(error.what());
  }
}

template <class T>
ffi::Error forward(ffi::ThreadPool pool, ffi::RemainingArgs args, ffi::RemainingRets rets,
                   Numbers numbers, bool masked, bool keeps) {
  return guarded([&] {
    const Stack stack = stack_of(numbers);
    Arguments arguments(args);
    Results results(rets);
    Given<T> given(stack, masked, arguments);
    const auto finals = results.some<T>(stack.cells() * stack.states());
    given.run.finals = finals.data();
    if (stack.wants_sequence) given.run.outputs = results.sequence<T>(stack, stack.width());
    if (keeps) given.run.reserve = results.next<T>();
    engine<T>().forward(stack, given.run, Threads{thread_count(pool), run_in_pool, &pool});
  });
}

template <class T>
ffi::Error backward(ffi::ThreadPool pool, ffi::RemainingArgs args, ffi::RemainingRets rets,
                    Numbers numbers, bool masked, bool wants_inputs) {
  return guarded([&] {
    const Stack stack = stack_of(numbers);
    const Index states = stack.cells() * stack.states();
    Arguments arguments(args);
    Results results(rets);
    const T* kept = arguments.next<const T>();
    Given<T> given(stack, masked, arguments);
    Backward<T> run{};
    // Only the forward pass writes them.
    if (stack.wants_sequence) given.run.outputs = arguments.sequence<T>(stack, stack.width());
    const auto grad_finals = arguments.some<const T>(states);
    if (stack.wants_sequence) run.grad_outputs = arguments.sequence<const T>(stack, stack.width());
    given.run.reserve = results.next<T>();
    if (given.run.reserve != kept)
      std::copy_n(kept, engine<T>().reserve_size(stack), given.run.reserve);
    if (wants_inputs) run.grad_inputs = results.sequence<T>(stack, stack.features);
    const auto grad_states = results.some<T>(states);
    const auto grad_weights = results.weights<T>(stack);
    run.forward = given.run;
    run.grad_finals = grad_finals.data();
    run.grad_states = grad_states.data();
    run.grad_weights = grad_weights.data();
    engine<T>().backward(stack, run, Threads{thread_count(pool), run_in_pool, &pool});
  });
}

#define KERASRNN_HANDLER(name, function, flag)       \
  XLA_FFI_DEFINE_HANDLER(name, function,             \
                         ffi::Ffi::Bind()            \
                             .Ctx<ffi::ThreadPool>() \
                             .RemainingArgs()        \
                             .RemainingRets()        \
                             .Attr<Numbers>("stack") \
                             .Attr<bool>("masked")   \
                             .Attr<bool>(flag))

KERASRNN_HANDLER(forward_float, forward<float>, "keeps");
KERASRNN_HANDLER(forward_double, forward<double>, "keeps");
KERASRNN_HANDLER(backward_float, backward<float>, "wants_inputs");
KERASRNN_HANDLER(backward_double, backward<double>, "wants_inputs");

}  // namespace

std::vector<std::pair<std::string, void*>> xla_handlers() {
  const auto address = [](auto* handler) { return reinterpret_cast<void*>(handler); };
  return {{"kerasrnn_forward_float32", address(+forward_float)},
          {"kerasrnn_forward_float64", address(+forward_double)},
          {"kerasrnn_backward_float32", address(+backward_float)},
          {"kerasrnn_backward_float64", address(+backward_double)}};
}

}  // namespace kerasrnn
