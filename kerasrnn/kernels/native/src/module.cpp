// The Python module: passes over tensors given by their addresses, and the handlers for XLA.

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <vector>

#include "openmp.h"
#include "stack.h"
#ifdef KERASRNN_WITH_XLA
#include "xla.h"
#endif

namespace nb = nanobind;

namespace kerasrnn {

std::vector<std::string> isas();  // that this processor can run, the best first

namespace {

using Address = std::uintptr_t;
using Addresses = std::vector<Address>;

// An address, and the strides of time and rows in values.
struct Array {
  Address at;
  Index time_stride, row_stride;

  template <class A>
  Sequence<A> as() const {
    return {reinterpret_cast<A*>(at), time_stride, row_stride};
  }
};

template <class A>
std::vector<A*> pointers(const Addresses& addresses) {
  std::vector<A*> found;
  found.reserve(addresses.size());
  for (Address address : addresses) found.push_back(reinterpret_cast<A*>(address));
  return found;
}

// Each cell's weights one after the other: kernel, recurrent kernel, bias and projection kernel,
// the last two where the stack has them.
template <class A>
std::vector<Weights<A>> weights(const Stack& stack, const Addresses& addresses) {
  const std::vector<A*> flat = pointers<A>(addresses);
  const std::size_t count = 2 + stack.has_bias + (stack.projection > 0);
  if (flat.size() != count * stack.cells()) throw nb::value_error("wrong number of weights");
  std::vector<Weights<A>> found;
  for (auto own = flat.begin(); own != flat.end(); own += count)
    found.push_back({own[0], own[1], stack.has_bias ? own[2] : nullptr,
                     stack.projection ? own[count - 1] : nullptr});
  return found;
}

template <class A>
void expect_states(const Stack& stack, const std::vector<A*>& states) {
  if (Index(states.size()) != stack.cells() * stack.states())
    throw nb::value_error("wrong number of states");
}

template <class T>
struct ForwardArguments {
  std::vector<const T*> states;
  std::vector<Weights<const T>> weights_;
  std::vector<T*> finals;
  Forward<T> run;

  ForwardArguments(const Stack& stack, const Array& inputs, const Array& mask,
                   const Addresses& states_at, const Addresses& weights_at, const Array& outputs,
                   const Addresses& finals_at, Address reserve)
      : states(pointers<const T>(states_at)),
        weights_(weights<const T>(stack, weights_at)),
        finals(pointers<T>(finals_at)),
        run{inputs.as<const T>(),
            mask.as<const bool>(),
            states.data(),
            weights_.data(),
            outputs.as<T>(),
            finals.data(),
            reinterpret_cast<T*>(reserve)} {
    expect_states(stack, states);
  }
};

template <class T>
void run_forward(const Stack& stack, const Array& inputs, const Array& mask,
                 const Addresses& states, const Addresses& weights, const Array& outputs,
                 const Addresses& finals, Address reserve, int threads) {
  const ForwardArguments<T> given(stack, inputs, mask, states, weights, outputs, finals, reserve);
  expect_states(stack, given.finals);
  nb::gil_scoped_release released;
  engine<T>().forward(stack, given.run, Threads{threads, run_with_openmp, nullptr});
}

template <class T>
void run_backward(const Stack& stack, const Array& inputs, const Array& mask,
                  const Addresses& states, const Addresses& weights_at, const Array& outputs,
                  Address reserve, const Array& grad_outputs, const Addresses& grad_finals,
                  const Array& grad_inputs, const Addresses& grad_states,
                  const Addresses& grad_weights, int threads) {
  const ForwardArguments<T> given(stack, inputs, mask, states, weights_at, outputs, {}, reserve);
  const auto finals = pointers<const T>(grad_finals);
  const auto grads = pointers<T>(grad_states);
  const auto grad_of_weights = weights<T>(stack, grad_weights);
  expect_states(stack, finals);
  expect_states(stack, grads);
  const Backward<T> run{given.run,     grad_outputs.as<const T>(),
                        finals.data(), grad_inputs.as<T>(),
                        grads.data(),  grad_of_weights.data()};
  nb::gil_scoped_release released;
  engine<T>().backward(stack, run, Threads{threads, run_with_openmp, nullptr});
}

}  // namespace
}  // namespace kerasrnn

NB_MODULE(_native, module) {
  using namespace kerasrnn;
  // Descriptions of stacks are remembered as long as the process lives.
  nb::set_leak_warnings(false);
  nb::class_<Array>(module, "Array").def(nb::init<Address, Index, Index>());
  nb::class_<Stack>(module, "Stack")
      .def("__init__",
           [](Stack* self, int mode, Index layers, Index directions, Index time, Index batch,
              Index features, Index units, Index projection, bool has_bias, bool wants_sequence,
              Index every) {
             new (self) Stack{Mode(mode), layers,     directions, time,           batch, features,
                              units,      projection, has_bias,   wants_sequence, every};
           })
      .def("reserve_size", [](const Stack& s) { return engine<float>().reserve_size(s); })
      .def("reserve_size_double", [](const Stack& s) { return engine<double>().reserve_size(s); })
      .def("forward", run_forward<float>)
      .def("forward_double", run_forward<double>)
      .def("backward", run_backward<float>)
      .def("backward_double", run_backward<double>);
  module.def("isa", [] { return std::string(engine<float>().name); });
  module.def("isas", isas);
  module.def("forget_most_scratch", forget_most_scratch);
  module.def("has_openmp", has_openmp);
  module.def(
      "activations", [](Address from, Address sigmoid, Address tanh, Index count, bool twice) {
        const auto run = [&](auto zero) {
          using T = decltype(zero);
          engine<T>().activations(reinterpret_cast<const T*>(from), reinterpret_cast<T*>(sigmoid),
                                  reinterpret_cast<T*>(tanh), count);
        };
        twice ? run(double()) : run(float());
      });
#ifdef KERASRNN_WITH_XLA
  module.attr("JAXLIB") = KERASRNN_JAXLIB;
  module.def("xla_handlers", [] {
    nb::dict handlers;
    for (const auto& [name, handler] : xla_handlers())
      handlers[name.c_str()] = nb::capsule(handler);
    return handlers;
  });
#endif
}
