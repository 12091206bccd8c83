// The engine of one instruction set and type: compiled once for each.

#include "passes.h"

namespace kerasrnn::KERASRNN_ISA {

template <Mode mode, class T>
void forward_task(void* context, int rank, Team& team) {
  const auto& run = *static_cast<const Run<T>*>(context);
  forward<mode>(run, Share(team, rank, run.stack.batch, run.by_units && team.size > 1));
}

template <Mode mode, class T>
void backward_task(void* context, int rank, Team& team) {
  const auto& run = *static_cast<const Run<T>*>(context);
  backward<mode>(run, Share(team, rank, run.stack.batch, run.by_units && team.size > 1));
}

template <class T>
Task task_of(Mode mode, bool back) {
  switch (mode) {
    case Mode::lstm:
      return back ? backward_task<Mode::lstm, T> : forward_task<Mode::lstm, T>;
    case Mode::gru:
      return back ? backward_task<Mode::gru, T> : forward_task<Mode::gru, T>;
    case Mode::rnn_tanh:
      return back ? backward_task<Mode::rnn_tanh, T> : forward_task<Mode::rnn_tanh, T>;
    case Mode::rnn_relu:
      return back ? backward_task<Mode::rnn_relu, T> : forward_task<Mode::rnn_relu, T>;
  }
  __builtin_unreachable();
}

template <class T>
void run_pass(const Stack& stack, Pass pass, const Backward<T>& given, const Threads& threads) {
  const int wanted = threads_for(stack, threads);
  Plan<T> counted(stack, pass, given, nullptr, nullptr, wanted);
  Plan<T> plan(stack, pass, given, given.forward.reserve, scratch(counted.scratch_used()), wanted);
  Run<T> run{stack, plan, given, parts_units<T>(stack, wanted)};
  threads.run(threads, wanted, operations(stack), task_of<T>(stack.mode, pass == Pass::backward),
              &run);
  release_scratch();
}

template <class T>
void run_forward_pass(const Stack& stack, const Forward<T>& given, const Threads& threads) {
  Backward<T> all{};
  all.forward = given;
  run_pass(stack, given.reserve ? Pass::forward : Pass::inference, all, threads);
}

template <class T>
void run_backward_pass(const Stack& stack, const Backward<T>& given, const Threads& threads) {
  run_pass(stack, Pass::backward, given, threads);
}

template <class T>
Index reserve_size(const Stack& stack) {
  const Backward<T> nothing{};
  return Plan<T>(stack, Pass::forward, nothing, nullptr, nullptr, 1).reserve_used() / sizeof(T);
}

template <class T>
void activations(const T* from, T* sigmoids, T* tanhs, Index count) {
  for (Index k = 0; k < count; k += LANES<T>) {
    const Vector<T> x = load(from + k, count - k);
    store(sigmoids + k, sigmoid<T>(x), count - k);
    store(tanhs + k, tanh<T>(x), count - k);
  }
}

#define KERASRNN_TEXT_OF(name) #name
#define KERASRNN_TEXT(name) KERASRNN_TEXT_OF(name)

extern const Engine<KERASRNN_TYPE> KERASRNN_ENGINE;
const Engine<KERASRNN_TYPE> KERASRNN_ENGINE = {
    KERASRNN_TEXT(KERASRNN_ISA),      reserve_size<KERASRNN_TYPE>, run_forward_pass<KERASRNN_TYPE>,
    run_backward_pass<KERASRNN_TYPE>, activations<KERASRNN_TYPE>,
};

}  // namespace kerasrnn::KERASRNN_ISA
