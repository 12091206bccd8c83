// Where everything of a pass lies in memory.
#pragma once

#include "packing.h"
#include "products.h"

namespace kerasrnn::KERASRNN_ISA {

// Hands out parts of one piece of memory; without one it only counts.
class Memory {
 public:
  Memory(void* at, Index alignment) : at_(static_cast<char*>(at)), alignment_(alignment) {}
  template <class A>
  A* take(Index count) {
    char* found = at_ ? at_ + used_ : nullptr;
    used_ += parts(count * Index(sizeof(A)), alignment_) * alignment_;
    return reinterpret_cast<A*>(found);
  }
  Index used() const { return used_; }

 private:
  char* at_;
  Index alignment_, used_ = 0;
};

// Rows a page apart would all have to lie in the same few places of the first-level cache.
template <class T>
Index apart(Index width) {
  return width * Index(sizeof(T)) % 2048 ? width : width + LANES<T>;
}

template <class T>
Steps<T> take_steps(Memory& memory, Index steps, Index batch, Index width) {
  return {memory.take<T>(steps * batch * width), batch * width, width, steps};
}

template <class T>
Sequence<T> take_sequence(Memory& memory, const Stack& stack) {
  const Index width = stack.width();
  return {memory.take<T>(stack.time * stack.batch * width), stack.batch * width, width};
}

enum class Pass { inference, forward, backward };

// `reserve` goes from the forward to the backward pass: with every step stored the gates, cells
// and memories, else the states at the segments' starts; and the outputs of each layer, but for
// those of the top layer where the caller has them, or nobody needs all of them at once.
// `scratch` is gone after the pass.
template <class T>
class Plan {
 public:
  Plan(const Stack& stack, Pass pass, const Backward<T>& run, void* reserve, void* scratch,
       int threads)
      : stack_(stack),
        pass_(pass),
        run_(run),
        // Its size is a multiple of the batch's and the time's, which torch.export needs.
        reserve_(reserve, sizeof(T)),
        scratch_(scratch, 64) {
    cells = scratch_.template take<Cell<T>>(stack.cells());
    for (Index layer = 0; layer < stack.layers; ++layer) {
      const Sequence<T> outputs = place_outputs(layer);
      Sequence<T> grads = run.grad_inputs;
      if (pass == Pass::backward && layer) grads = take_sequence<T>(scratch_, stack);
      for (Index direction = 0; direction < stack.directions; ++direction) {
        Cell<T> cell = place(layer, direction, outputs);
        if (pass == Pass::backward) place_back(cell, layer, direction, grads);
        if (scratch) cells[layer * stack.directions + direction] = cell;
        if (scratch && layer)
          hand_down(layer - 1, direction, {grads.at, grads.time_stride, grads.row_stride});
      }
      below_ = outputs;
    }
    if (scratch)
      for (Index d = 0; d < stack.directions; ++d) hand_down(stack.layers - 1, d, run.grad_outputs);
    if (pass == Pass::backward) {
      room_of_one = room_for(stack);
      room = scratch_.template take<T>(threads * room_of_one);
    }
  }

  Index reserve_used() const { return reserve_.used(); }
  Index scratch_used() const { return scratch_.used(); }

  Cell<T>* cells;
  T* room = nullptr;  // for each thread's packed parts of a product
  Index room_of_one = 0;

 private:
  static Index room_for(const Stack& stack) {
    const Index rows = stack.layers > 1 ? most(stack.features, stack.width()) : stack.features;
    const Index height = parts(most(rows, stack.units), ROWS) * ROWS;
    return least(DEPTH, stack.segment() * stack.batch) * (PANEL<T> + least(HEIGHT, height));
  }

  bool training() const { return pass_ != Pass::inference; }
  bool is_top(Index layer) const { return layer + 1 == stack_.layers; }

  // Whether all steps of a layer's outputs are held, and not a ring of the last ones.
  bool holds_outputs(Index layer) const {
    if (!is_top(layer)) return true;
    // What the caller holds is not written a second time.
    if (stack_.checkpointed() && pass_ == Pass::backward) return false;
    return stack_.wants_sequence || (training() && !stack_.checkpointed());
  }

  Sequence<T> place_outputs(Index layer) {
    if (!holds_outputs(layer)) return {};
    if (is_top(layer) && stack_.wants_sequence) return run_.forward.outputs;
    return take_sequence<T>(training() ? reserve_ : scratch_, stack_);
  }

  Cell<T> place(Index layer, Index direction, const Sequence<T>& sequence) {
    const Forward<T>& given = run_.forward;
    const Index index = layer * stack_.directions + direction, batch = stack_.batch;
    const bool is_lstm = stack_.mode == Mode::lstm, reverse = direction == 1;
    Cell<T> cell{};
    cell.stack = stack_;
    cell.features = stack_.features_of(layer);
    cell.mask = in_order(given.mask, stack_.time, reverse);
    if (layer) {
      cell.inputs = in_order(below_, stack_.time, reverse);
    } else {
      cell.inputs = in_order(given.inputs, stack_.time, reverse);
    }
    if (given.weights) cell.weights = given.weights[index];
    if (given.states) {
      const T* const* states = given.states + index * stack_.states();
      cell.hidden_start = {states[0], stack_.outputs()};
      if (is_lstm) cell.cell_start = {states[1], stack_.units};
    }

    const Layout& layout = layout_of(stack_.mode);
    const Index outputs = stack_.outputs(), units = padded<T>(stack_.units);
    const Columns columns{is_gated(stack_.mode), stack_.units, stack_.gates(), layout.gate};
    const Index row = columns.template row<T>();
    const bool stores = training() && !stack_.checkpointed();
    cell.keep = stores || pass_ == Pass::backward;
    Memory& memory = stores ? reserve_ : scratch_;
    const Index steps = cell.keep ? stack_.segment() : 1;
    const Index ahead = most<Index>(1, AHEAD / most<Index>(1, batch * row * Index(sizeof(T))));
    cell.gates =
        take_steps<T>(memory, cell.keep ? steps : least(ahead, stack_.time), batch, apart<T>(row));
    if (is_lstm) cell.cells = take_steps<T>(memory, steps, batch, units);
    if (stack_.projection) cell.memories = take_steps<T>(memory, steps, batch, units);
    if (training() && stack_.checkpointed()) {
      cell.stored_hidden = take_steps<T>(reserve_, stack_.segments(), batch, outputs);
      if (is_lstm) cell.stored_cells = take_steps<T>(reserve_, stack_.segments(), batch, units);
    }
    if (holds_outputs(layer)) {
      Sequence<T> own = sequence;
      if (own.at) own.at += direction * outputs;
      cell.hidden = in_order(own, stack_.time, reverse);
    } else {
      cell.hidden = take_steps<T>(scratch_, cell.keep ? steps : 2, batch, outputs);
    }

    const Packed<T> kernel{nullptr, columns, {cell.features}, layout.inputs};
    const Packed<T> recurrent{nullptr, columns, {outputs}, layout.hidden};
    const Packed<T> projection{
        nullptr, {false, outputs, 1}, {stack_.projection ? stack_.units : 0}};
    // The backward pass runs forward again from stored states only.
    cell.columns = columns;
    if (pass_ != Pass::backward || stack_.checkpointed()) {
      cell.bias = scratch_.template take<T>(columns.template panels<T>() * PANEL<T>);
      cell.kernel = take_packed(kernel);
      cell.recurrent = take_packed(recurrent);
      cell.projection = take_packed(projection);
    }
    cell.grad_kernel = kernel;
    cell.grad_recurrent = recurrent;
    cell.grad_projection = projection;
    return cell;
  }

  void place_back(Cell<T>& cell, Index layer, Index direction, const Sequence<T>& grads) {
    const Index batch = stack_.batch, units = stack_.units, outputs = stack_.outputs();
    const Layout& layout = cell.layout();
    const Columns& columns = cell.columns;
    if (run_.grad_weights)
      cell.grad_weights = run_.grad_weights[layer * stack_.directions + direction];
    const Weights<T>& wanted = cell.grad_weights;
    if (wanted.kernel || wanted.bias) cell.grad_kernel = take_packed(cell.grad_kernel);
    if (wanted.recurrent || wanted.bias) cell.grad_recurrent = take_packed(cell.grad_recurrent);
    if (wanted.projection) cell.grad_projection = take_packed(cell.grad_projection);
    cell.grad_inputs = in_order(grads, stack_.time, direction == 1);
    cell.adds_to_grad_inputs = direction == 1;
    cell.grad_hidden = take_steps<T>(scratch_, 1, batch, padded<T>(outputs))[0];
    if (stack_.mode == Mode::lstm)
      cell.grad_cell = take_steps<T>(scratch_, 1, batch, padded<T>(units))[0];
    cell.recurrent_back =
        take_packed({nullptr, {false, outputs, 1}, depth_of<T>(columns, layout.hidden)});
    if (layer || grads.at)
      cell.kernel_back =
          take_packed({nullptr, {false, cell.features, 1}, depth_of<T>(columns, layout.inputs)});
    if (!stack_.projection) return;
    cell.grad_projected = take_steps<T>(scratch_, cell.gates.ring, batch, padded<T>(outputs));
    cell.projection_back = take_packed({nullptr, {false, units, 1}, {padded<T>(outputs)}});
  }

  Packed<T> take_packed(Packed<T> packed) {
    packed.at = scratch_.template take<T>(packed.size());
    return packed;
  }

  void hand_down(Index layer, Index direction, Sequence<const T> grads) {
    if (grads.at) grads.at += direction * stack_.outputs();
    cells[layer * stack_.directions + direction].grad_outputs =
        in_order(grads, stack_.time, direction == 1);
  }

  const Stack& stack_;
  const Pass pass_;
  const Backward<T>& run_;
  Memory reserve_, scratch_;
  Sequence<T> below_{};
};

}  // namespace kerasrnn::KERASRNN_ISA
