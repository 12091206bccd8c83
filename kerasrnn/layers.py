"""RNN, LSTM and GRU: stacks of cells over whole sequences."""

from typing import Any, ClassVar, TypedDict, Unpack

import keras
from keras import ops

from kerasrnn.cells import (
    Cell,
    GRUCell,
    LSTMCell,
    RNNCell,
    compatible,
    is_list_of_shapes,
)
from kerasrnn.kernels import KERNELS, NAMES, choose
from kerasrnn.kernels.call import Call
from kerasrnn.kernels.facts import device_of, is_compiling, records_gradients
from kerasrnn.kernels.stack import Dropouts
from kerasrnn.keywords import require_keywords
from kerasrnn.types import Constraint, Initializer, Regularizer, Shape, Tensor


class Options(TypedDict, total=False):
    """The keyword arguments that RNN, LSTM and GRU share; see `Recurrent`."""

    use_bias: bool
    dropout: float
    input_dropout: float
    recurrent_dropout: float
    bidirectional: bool
    batch_first: bool
    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool
    zero_output_for_mask: bool
    kernel_initializer: Initializer
    recurrent_initializer: Initializer
    bias_initializer: Initializer
    kernel_regularizer: Regularizer
    recurrent_regularizer: Regularizer
    bias_regularizer: Regularizer
    activity_regularizer: Regularizer
    kernel_constraint: Constraint
    recurrent_constraint: Constraint
    bias_constraint: Constraint
    seed: int | None
    implementation: str
    checkpoint_every: int | str | None
    name: str | None
    dtype: Any
    trainable: bool


class Recurrent(keras.layers.Layer):
    """What RNN, LSTM and GRU share: a stack of cells, its states and its masks.

    Args:
        units: Size of the hidden state.
        num_layers: Number of stacked layers. Default 1.
        use_bias: Whether each cell adds its two bias vectors. Default True.
        dropout: Share of values dropped between the layers of the stack, drawn anew
            at every step; needs `num_layers` of 2 or more. Default 0.
        input_dropout: Share of features dropped at every cell's input, the same ones
            at all steps. Default 0.
        recurrent_dropout: Share of the hidden state dropped where it enters the
            recurrent product, the same values at all steps. Default 0.
        bidirectional: Run every layer in both directions and join the outputs.
        batch_first: Inputs, outputs and masks start with (batch, time) (True, default)
            or with (time, batch). `keras.layers.Bidirectional` knows batch-first layers
            only: use `bidirectional=True` with the other.
        return_sequences: Return the output of every step, not only the last one.
        return_state: Return the final states as well.
        go_backwards: Flip the sequence first; outputs come in processing order.
        stateful: Start each batch from the states in which the last one ended.
        zero_output_for_mask: At masked steps put out zeros, not the state carried over.
        kernel_initializer, recurrent_initializer, bias_initializer: Initial values.
            Default `"torch_uniform"`, which is `TorchUniform(units)`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer,
        activity_regularizer: Keras regularizers. Default None.
        kernel_constraint, recurrent_constraint, bias_constraint: Keras constraints.
            Default None.
        seed: Seed of the three dropouts.
        implementation: `"auto"`, or the name of the kernel that must run; see
            `kerasrnn.explain`.
        checkpoint_every: Store the states for training at every so many steps only, and
            compute the others again; `"sqrt"` for the square root of all steps, so that
            memory grows with it. Same gradients up to rounding. Default None.
        name, dtype, trainable: As in every Keras layer.

    Call arguments:
        sequences: (batch, time, features).
        initial_state: Flat list of states, by layer, then direction, then hidden
            before cell: `[h_l0, c_l0, h_l0_reverse, c_l0_reverse, h_l1, ...]`, each
            (batch, units), or (batch, proj_size) for a projected hidden state. A
            single state may come without a list. Default zeros, or where `stateful`
            the states carried over.
        mask: Boolean (batch, time), False where a step is to be left out, in any
            pattern. A masked step carries the states over. The reverse direction so
            starts at each row's last valid step, and a row without one keeps its
            initial state. Default: the mask that came with the sequences.
        training: Whether the dropouts are at work.

    Returns:
        (batch, D * H), the last output of each of D directions, whose size H is units, or
        proj_size; with `return_sequences` (batch, time, D * H). With `return_state` a
        tuple of that and every final state, in the order of `initial_state`.

    Raises:
        ValueError: an argument, or the shape of an input, is not as said above.
    """

    cell_class: ClassVar[type[Cell]]
    units: int
    use_bias: bool

    def __init__(
        self,
        units: int,
        num_layers: int = 1,
        *,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        bidirectional: bool = False,
        batch_first: bool = True,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        zero_output_for_mask: bool = False,
        activity_regularizer: Regularizer = None,
        seed: int | None = None,
        implementation: str = "auto",
        checkpoint_every: int | str | None = None,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
        **cell_options: Any,
    ) -> None:
        super().__init__(
            name=name, dtype=dtype, trainable=trainable, activity_regularizer=activity_regularizer
        )
        own = {"units", "num_layers", *Options.__annotations__}
        require_keywords(type(self).__name__, self.cell_class, cell_options, own)
        if not isinstance(num_layers, int) or num_layers < 1:
            raise ValueError(f"num_layers must be a positive integer. Got {num_layers!r}.")
        check_rates(
            dropout=dropout, input_dropout=input_dropout, recurrent_dropout=recurrent_dropout
        )
        if dropout and num_layers == 1:
            raise ValueError(
                f"dropout={dropout} acts between the layers of a stack, and num_layers=1 has "
                "nothing between. Use input_dropout, or a keras.layers.Dropout after this "
                "layer, or num_layers of 2 or more."
            )
        if implementation not in {"auto", *NAMES, *KERNELS}:
            raise ValueError(
                f"implementation must be 'auto' or one of {sorted(NAMES)}. Got {implementation!r}."
            )
        steps = type(checkpoint_every) is int and checkpoint_every > 0
        if checkpoint_every not in (None, "sqrt") and not steps:
            raise ValueError(
                "checkpoint_every must be a positive number of steps, 'sqrt' or None. "
                f"Got {checkpoint_every!r}."
            )
        self.num_layers = num_layers
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.recurrent_dropout = recurrent_dropout
        self.bidirectional = bidirectional
        self.batch_first = batch_first
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.zero_output_for_mask = zero_output_for_mask
        self.seed = seed
        self.implementation = implementation
        self.runner: Any = None  # runs the stack in place of a kernel, while it is diagnosed
        self.checkpoint_every = checkpoint_every
        self.supports_masking = True
        self.seed_generator = None
        if dropout or input_dropout or recurrent_dropout:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.cells = [
            self.cell_class(
                units,
                name=f"l{depth}{'_reverse' * direction}",
                dtype=self.dtype_policy,
                trainable=trainable,
                **cell_options,
            )
            for depth in range(num_layers)
            for direction in range(self.num_directions)
        ]
        for option in self._cell_config():
            setattr(self, option, getattr(self.cells[0], option))
        self.carried = CarriedStates(dtype=self.dtype_policy) if stateful else None

    @property
    def mode(self) -> str:
        """Name of the equations, by which kernels know them."""
        raise NotImplementedError

    @property
    def num_directions(self) -> int:
        """2 where bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def output_size(self) -> int:
        """Size of the last dimension of the output."""
        return self.num_directions * self.cells[0].output_size

    @property
    def state_size(self) -> list[int]:
        """Size of every state, in the order of `initial_state`."""
        return [size for cell in self.cells for size in cell.state_size]

    @property
    def states(self) -> list[keras.Variable] | None:
        """The states carried over, where the layer is stateful and built; else None."""
        return self.carried.states if self.carried is not None and self.carried.built else None

    def build(self, sequences_shape: Shape, initial_state_shape: Any = None) -> None:
        batch, _, features = self._check_sequences(sequences_shape)
        if features is None:
            raise ValueError(
                f"{self.name} needs a known number of features. Got inputs of shape "
                f"{tuple(sequences_shape)}; name it in keras.Input."
            )
        self.input_size = features
        for index, cell in enumerate(self.cells):
            cell.build((batch, features if index < self.num_directions else self.output_size))
        if self.carried is not None:
            if batch is None:
                raise ValueError(
                    f"{self.name} is stateful, so its batch size must be known. Got inputs of "
                    f"shape {tuple(sequences_shape)}; use keras.Input(batch_shape=...)."
                )
            self.carried.build([(batch, size) for size in self.state_size])

    def call(
        self,
        sequences: Tensor,
        initial_state: Any = None,
        mask: Tensor | None = None,
        training: bool = False,
        sequences_mask: Tensor | None = None,
    ) -> Any:
        batch, time, _ = self._check_sequences(sequences.shape)
        # Keras hands the sequences' own mask over as `mask` where they come alone, and under
        # this longer name where an initial state comes with them.
        mask = sequences_mask if mask is None else mask
        if mask is not None:
            mask = ops.cast(ops.convert_to_tensor(mask), "bool")
            self._check_mask(mask.shape, sequences.shape)
            mask = self._time_major(mask)
        # Keras casts floats to the compute dtype, but leaves integers alone.
        sequences = self._time_major(ops.convert_to_tensor(sequences, self.compute_dtype))
        if mask is not None:
            # What stands in masked steps, NaN included, must not reach the gradients.
            sequences = ops.where(mask[..., None], sequences, ops.zeros_like(sequences))
        batch = ops.shape(sequences)[1] if batch is None else batch
        states = self._starting_states(initial_state, batch)
        # Sizes that are neither known nor None stand for any, as in jax.export.
        compiling = is_compiling() or not (isinstance(batch, int) and isinstance(time, int))
        call = self.describe_call(
            batch, time, mask is not None, bool(training), records_gradients(), compiling
        )
        if self.go_backwards:
            sequences = ops.flip(sequences, axis=0)
            mask = None if mask is None else ops.flip(mask, axis=0)
        dropouts = self._draw_dropouts(sequences, training)
        run = self.runner or KERNELS[choose(call, self.implementation)].run
        outputs, final = run(call, self._stack(), sequences, states, mask, dropouts)
        if self.carried is not None:
            self.carried.assign(final)
        if not self.return_sequences:
            output = self._last_output(final)
        else:
            if self.zero_output_for_mask and mask is not None:
                outputs = ops.where(mask[..., None], outputs, ops.zeros_like(outputs))
            output = self._time_major(outputs)
        return (output, *final) if self.return_state else output

    def describe_call(
        self,
        batch: int | None,
        time: int | None,
        masked: bool = False,
        training: bool = False,
        gradients: bool = False,
        compiling: bool = False,
    ) -> Call:
        """Return the static facts on which a kernel is chosen.

        Raises:
            ValueError: the layer is not built, so that its input size is not known.
        """
        if not self.built:
            raise ValueError(f"{self.name} is not built: call it, or call build(shape), first.")
        return Call(
            backend=keras.backend.backend(),
            device=device_of(self.cells[0].kernel.value),
            mode=self.mode,
            # What torch traces may be for any size.
            batch=batch if isinstance(batch, int) and not compiling else None,
            time=time if isinstance(time, int) and not compiling else None,
            input_size=self.input_size,
            units=self.units,
            proj_size=getattr(self, "proj_size", 0),
            num_layers=self.num_layers,
            num_directions=self.num_directions,
            use_bias=self.use_bias,
            dtype=self.compute_dtype,
            masked=masked,
            gradients=gradients,
            compiling=compiling,
            dropout=training and self.dropout > 0,
            input_dropout=training and self.input_dropout > 0,
            recurrent_dropout=training and self.recurrent_dropout > 0,
            return_sequences=self.return_sequences,
            checkpoint_every=self.checkpoint_every,
        )

    def compute_output_shape(self, sequences_shape: Shape, initial_state_shape: Any = None) -> Any:
        batch, time, _ = self._check_sequences(sequences_shape)
        if initial_state_shape is not None:
            nested = is_list_of_shapes(initial_state_shape)
            self._check_states(initial_state_shape if nested else [initial_state_shape], batch)
        output: Shape = (batch, self.output_size)
        if self.return_sequences:
            steps = (batch, time) if self.batch_first else (time, batch)
            output = (*steps, self.output_size)
        if not self.return_state:
            return output
        return output, *((batch, size) for size in self.state_size)

    def compute_mask(self, sequences: Tensor, mask: Tensor | None) -> Any:
        output_mask = mask if self.return_sequences else None
        if output_mask is not None and self.go_backwards:
            output_mask = ops.flip(output_mask, axis=1 if self.batch_first else 0)
        return [output_mask] + [None] * len(self.state_size) if self.return_state else output_mask

    def get_initial_state(self, batch_size: int) -> list[Tensor]:
        """Return zero states for a batch, in the order of `initial_state`."""
        return [state for cell in self.cells for state in cell.get_initial_state(batch_size)]

    def reset_state(self, states: list[Tensor] | None = None) -> None:
        """Set the states that a stateful layer carries over, to zeros by default.

        As in Keras, resetting a layer that carries none does nothing.

        Raises:
            ValueError: states are given, but the layer carries none or others.
        """
        if states is not None:
            self._check_carried(states)
        if self.carried is not None and self.carried.built:
            self.carried.assign(states)

    def reset_states(self, states: list[Tensor] | None = None) -> None:
        """Keras's other name for `reset_state`."""
        self.reset_state(states)

    def get_config(self) -> dict[str, Any]:
        own = (
            "num_layers dropout input_dropout recurrent_dropout bidirectional batch_first "
            "return_sequences return_state go_backwards stateful zero_output_for_mask seed "
            "implementation checkpoint_every"
        )
        return {
            **super().get_config(),
            **self._cell_config(),
            **{name: getattr(self, name) for name in own.split()},
            "activity_regularizer": keras.regularizers.serialize(self.activity_regularizer),
        }

    def _cell_config(self) -> dict[str, Any]:
        """Return the options that the layer passes on to its cells."""
        config: dict[str, Any] = self.cells[0].get_config()
        return {key: config[key] for key in config.keys() - {"name", "trainable", "dtype"}}

    def _stack(self) -> list[list[Cell]]:
        """Return the cells of each layer, one for each direction."""
        step = self.num_directions
        return [self.cells[i : i + step] for i in range(0, len(self.cells), step)]

    def _time_major(self, tensor: Tensor) -> Tensor:
        """Swap (batch, time) and (time, batch), unless the layer is time-major itself."""
        return ops.swapaxes(tensor, 0, 1) if self.batch_first else tensor

    def _starting_states(self, initial_state: Any, batch: Any) -> list[Tensor]:
        if initial_state is None:
            if self.carried is None:
                return self.get_initial_state(batch)
            initial_state = self.carried.tensors(self.compute_dtype)
            if isinstance(batch, int) and batch != initial_state[0].shape[0]:
                raise ValueError(
                    f"{self.name} is stateful and was built for batches of "
                    f"{initial_state[0].shape[0]}. Got a batch of {batch}; pad it, or build "
                    "another layer and take over the weights."
                )
        elif not isinstance(initial_state, (list, tuple)):
            initial_state = [initial_state]
        states = [ops.convert_to_tensor(state, self.compute_dtype) for state in initial_state]
        self._check_states([state.shape for state in states], batch)
        return states

    def _last_output(self, final: list[Tensor]) -> Tensor:
        """Join the last hidden states of the top layer's directions."""
        per_cell = len(self.cells[0].state_size)
        hidden = final[::per_cell][-self.num_directions :]
        return hidden[0] if len(hidden) == 1 else ops.concatenate(hidden, axis=-1)

    def _draw_dropouts(self, sequences: Tensor, training: bool) -> Dropouts:
        if not training:
            nothing = [None] * len(self.cells)
            return Dropouts(nothing, nothing, [None] * (self.num_layers - 1))

        def draw(rate: float, *shape: Any) -> Tensor | None:
            if not rate:
                return None
            ones = ops.ones(shape, self.compute_dtype)
            return keras.random.dropout(ones, rate, seed=self.seed_generator)

        time, batch = ops.shape(sequences)[:2]
        return Dropouts(
            inputs=[draw(self.input_dropout, batch, cell.input_size) for cell in self.cells],
            recurrent=[
                draw(self.recurrent_dropout, batch, cell.output_size) for cell in self.cells
            ],
            between=[
                draw(self.dropout, time, batch, self.output_size)
                for _ in range(self.num_layers - 1)
            ],
        )

    def _check_carried(self, states: list[Tensor]) -> None:
        if self.states is None:
            raise ValueError(
                f"{self.name} carries no states to set: make it with stateful=True and build it."
            )
        expected = [tuple(state.shape) for state in self.states]
        given = [tuple(state.shape) for state in states]
        if given != expected:
            raise ValueError(f"{self.name} carries states of shapes {expected}. Got {given}.")

    def _check_sequences(self, shape: Shape) -> tuple[int | None, int | None, int | None]:
        """Return (batch, time, features)."""
        axes = "(batch, time, features)" if self.batch_first else "(time, batch, features)"
        if len(shape) != 3:
            raise ValueError(
                f"{self.name} takes sequences of shape {axes}. Got {tuple(shape)}"
                + (
                    "; x[None] adds a batch axis, x[:, :, None] one of features."
                    if len(shape) == 2
                    else "."
                )
            )
        batch, time, features = shape if self.batch_first else (shape[1], shape[0], shape[2])
        if time == 0:
            raise ValueError(
                f"{self.name} needs at least one time step. Got sequences of shape {tuple(shape)}."
            )
        if self.built and features is not None and features != self.input_size:
            raise ValueError(
                f"{self.name} was built for {self.input_size} features. Got sequences of shape "
                f"{tuple(shape)}, which have {features}."
            )
        return batch, time, features

    def _check_mask(self, shape: Shape, sequences_shape: Shape) -> None:
        if not compatible(shape, tuple(sequences_shape[:2])):
            raise ValueError(
                f"{self.name} takes a mask of the shape of the sequences' first two "
                f"dimensions, {tuple(sequences_shape[:2])}. Got {tuple(shape)}."
            )

    def _check_states(self, shapes: Any, batch: Any) -> None:
        rows = batch if isinstance(batch, int) else None
        expected = [(rows, size) for size in self.state_size]
        if len(shapes) != len(expected) or not all(map(compatible, shapes, expected)):
            raise ValueError(
                f"{self.name} takes {len(expected)} states of shapes {expected}, by layer, then "
                f"direction, then hidden before cell. Got {[tuple(shape) for shape in shapes]}."
            )


@keras.saving.register_keras_serializable(package="kerasrnn")
class RNN(Recurrent):
    """The Elman RNN of `torch.nn.RNN`; equations in `RNNCell`.

    >>> layer = kerasrnn.RNN(20, num_layers=2)
    >>> tuple(layer(keras.ops.ones((5, 3, 10))).shape)
    (5, 20)

    Args:
        units: Size of the hidden state.
        num_layers: Number of stacked layers. Default 1.
        nonlinearity: `"tanh"` (default) or `"relu"`.
        **options: See `kerasrnn.layers.Recurrent`, as for shapes and errors.

    Source: documentation of `torch.nn.RNN`; Elman 1990.
    """

    cell_class = RNNCell
    nonlinearity: str

    def __init__(
        self,
        units: int,
        num_layers: int = 1,
        *,
        nonlinearity: str = "tanh",
        **options: Unpack[Options],
    ) -> None:
        super().__init__(units, num_layers, nonlinearity=nonlinearity, **options)

    @property
    def mode(self) -> str:
        return f"rnn_{self.nonlinearity}"


@keras.saving.register_keras_serializable(package="kerasrnn")
class LSTM(Recurrent):
    """The long short-term memory of `torch.nn.LSTM`; equations in `LSTMCell`.

    >>> layer = kerasrnn.LSTM(20, proj_size=15, return_sequences=True, return_state=True)
    >>> [tuple(t.shape) for t in layer(keras.ops.ones((5, 3, 10)))]
    [(5, 3, 15), (5, 15), (5, 20)]

    Args:
        units: Size of the cell state, and of the hidden state without projection.
        num_layers: Number of stacked layers. Default 1.
        proj_size: Size of the projected hidden state; 0 (default) for no projection.
        unit_forget_bias: Start the forget gate's bias at 1. Default False.
        projection_initializer, projection_regularizer, projection_constraint: For the
            projection kernel.
        **options: See `kerasrnn.layers.Recurrent`, as for shapes and errors.

    Source: documentation of `torch.nn.LSTM`; Hochreiter and Schmidhuber 1997.
    """

    cell_class = LSTMCell
    proj_size: int

    def __init__(
        self,
        units: int,
        num_layers: int = 1,
        *,
        proj_size: int = 0,
        unit_forget_bias: bool = False,
        projection_initializer: Initializer = "torch_uniform",
        projection_regularizer: Regularizer = None,
        projection_constraint: Constraint = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            units,
            num_layers,
            proj_size=proj_size,
            unit_forget_bias=unit_forget_bias,
            projection_initializer=projection_initializer,
            projection_regularizer=projection_regularizer,
            projection_constraint=projection_constraint,
            **options,
        )

    @property
    def mode(self) -> str:
        return "lstm"


@keras.saving.register_keras_serializable(package="kerasrnn")
class GRU(Recurrent):
    """The gated recurrent unit of `torch.nn.GRU`; equations in `GRUCell`.

    >>> layer = kerasrnn.GRU(20, num_layers=2, bidirectional=True)
    >>> tuple(layer(keras.ops.ones((5, 3, 10))).shape)
    (5, 40)

    Args:
        units: Size of the hidden state.
        num_layers: Number of stacked layers. Default 1.
        reset_after: Apply the reset gate after the recurrent product (True, default,
            as in `torch.nn`) or before it (as first published).
        **options: See `kerasrnn.layers.Recurrent`, as for shapes and errors.

    Source: documentation of `torch.nn.GRU`; Cho et al. 2014.
    """

    cell_class = GRUCell
    reset_after: bool

    def __init__(
        self,
        units: int,
        num_layers: int = 1,
        *,
        reset_after: bool = True,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(units, num_layers, reset_after=reset_after, **options)

    @property
    def mode(self) -> str:
        return "gru" if self.reset_after else "gru_reset_before"


class CarriedStates(keras.layers.Layer):
    """The states that a stateful layer carries from batch to batch.

    Keras keeps them out of sight of its JAX trainer, which then never updates them;
    here they are variables of the model and are saved with it. They are no weights:
    `get_weights` and `set_weights` pass between models of different batch sizes.
    """

    def build(self, shapes: list[Shape]) -> None:
        self.states = [
            self.add_weight(shape=shape, initializer="zeros", trainable=False, name=f"state_{i}")
            for i, shape in enumerate(shapes)
        ]
        self.built = True

    @property
    def weights(self) -> list[keras.Variable]:
        return []

    def tensors(self, dtype: str) -> list[Tensor]:
        """Return copies, which a later `assign` does not touch."""
        return [ops.copy(ops.cast(state, dtype)) for state in self.states]

    def assign(self, states: list[Tensor] | None) -> None:
        """Set all states, to zeros where None are given."""
        for variable, state in zip(self.states, states or self.states, strict=True):
            variable.assign(ops.zeros_like(variable.value) if states is None else state)

    def load_own_variables(self, store: Any) -> None:
        """Restore saved states; without any, or from another batch size, start at zeros."""
        saved = [store[str(i)] for i in range(len(self.states)) if str(i) in store]
        fit = [tuple(state.shape) for state in saved] == [state.shape for state in self.states]
        self.assign(saved if fit else None)


def check_rates(**rates: float) -> None:
    """Raise where a dropout rate is not in [0, 1)."""
    for name, rate in rates.items():
        if not 0 <= rate < 1:
            raise ValueError(f"{name} must be at least 0 and below 1. Got {rate!r}.")
