"""One time step of the Elman RNN, the LSTM and the GRU.

A cell owns the weights of one layer in one direction and its equations. Layers
stack cells; kernels run them over time.
"""

from typing import Any, ClassVar

import keras
from keras import ops

from kerasrnn.exact import matmul, tanh
from kerasrnn.initializers import get_initializer
from kerasrnn.types import Constraint, Initializer, Regularizer, Shape, Tensor


class Cell(keras.layers.Layer):
    """What the three cells share: weights, states and the two ways to call one.

    Args:
        units: Size of the hidden state.
        use_bias: Whether to add the two bias vectors. Default True.
        kernel_initializer, recurrent_initializer, bias_initializer: Initial values.
            Default `"torch_uniform"`, which is `TorchUniform(units)`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: Keras
            regularizers. Default None.
        kernel_constraint, recurrent_constraint, bias_constraint: Keras constraints.
            Default None.
        **kwargs: `name`, `dtype`, `trainable` of every Keras layer.

    Raises:
        ValueError: a size is not positive, or inputs or states have the wrong shape.
    """

    gates: ClassVar[int]

    def __init__(
        self,
        units: int,
        *,
        use_bias: bool = True,
        kernel_initializer: Initializer = "torch_uniform",
        recurrent_initializer: Initializer = "torch_uniform",
        bias_initializer: Initializer = "torch_uniform",
        kernel_regularizer: Regularizer = None,
        recurrent_regularizer: Regularizer = None,
        bias_regularizer: Regularizer = None,
        kernel_constraint: Constraint = None,
        recurrent_constraint: Constraint = None,
        bias_constraint: Constraint = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(units, int) or units < 1:
            raise ValueError(f"units must be a positive integer. Got {units!r}.")
        self.units = units
        self.use_bias = use_bias
        self.kernel_initializer = get_initializer(kernel_initializer, units)
        self.recurrent_initializer = get_initializer(recurrent_initializer, units)
        self.bias_initializer = get_initializer(bias_initializer, units)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = keras.regularizers.get(recurrent_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.recurrent_constraint = keras.constraints.get(recurrent_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)

    @property
    def output_size(self) -> int:
        """Size of the output, which is the hidden state."""
        return self.units

    @property
    def state_size(self) -> list[int]:
        """Size of each state: hidden first, then an LSTM's cell."""
        return [self.units]

    def build(self, input_shape: Shape) -> None:
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ValueError(
                f"{type(self).__name__} takes inputs of shape (batch, features) with a "
                f"known number of features. Got {tuple(input_shape)}."
            )
        columns = self.gates * self.units
        self.input_size = input_shape[-1]
        self.kernel = self.add_weight(
            shape=(self.input_size, columns),
            name="kernel",
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        require_dtype(self, self.kernel)
        self.recurrent_kernel = self.add_weight(
            shape=(self.output_size, columns),
            name="recurrent_kernel",
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(2, columns),
                name="bias",
                initializer=self.initial_bias,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def initial_bias(self, shape: Shape, dtype: Any = None) -> Tensor:
        """Draw both rows of the bias: that of the inputs and the recurrent one."""
        return self.bias_initializer(shape, dtype=dtype)

    def project(self, inputs: Tensor) -> Tensor:
        """Map inputs (..., features) to their part of the gates (..., gates * units).

        It does not depend on the state, so one product serves all time steps.
        """
        projected = matmul(inputs, self.kernel)
        return projected if self.bias is None else projected + self.bias[0]

    def recur(self, hidden: Tensor) -> Tensor:
        """Map the hidden state (batch, output_size) to its part of the gates."""
        projected = matmul(hidden, self.recurrent_kernel)
        return projected if self.bias is None else projected + self.bias[1]

    def step(
        self, projected: Tensor, states: list[Tensor], dropout: Tensor | None = None
    ) -> list[Tensor]:
        """Advance the states by one time step.

        Args:
            projected: `project(inputs)` of this step, (batch, gates * units).
            states: `[hidden]`, or `[hidden, cell]` for an LSTM.
            dropout: Factors on the hidden state where it enters a matrix product,
                (batch, output_size).

        Returns:
            The new states, hidden first.
        """
        raise NotImplementedError

    def call(self, inputs: Tensor, states: Any = None, cell_state: Tensor | None = None) -> Any:
        """Advance by one time step.

        Pass tensors and get tensors, as in `torch.nn`: `h = cell(x, h)`, and for an
        LSTM `h, c = cell(x, h, c)`; `cell(x)` starts from zeros. Pass a list or tuple
        of states and get Keras's `(output, states)`.

        Args:
            inputs: (batch, features).
            states: Hidden state (batch, output_size), or all states in a list.
            cell_state: An LSTM's cell state (batch, units), beside a hidden state.
        """
        if not compatible(inputs.shape, (None, self.input_size)):
            raise ValueError(
                f"{self.name} takes inputs of shape (batch, {self.input_size}), one step at a "
                f"time. Got {tuple(inputs.shape)}; a layer takes whole sequences."
            )
        as_keras = isinstance(states, (list, tuple))
        given = list(states) if as_keras else [states, cell_state]
        given = [state for state in given if state is not None]
        if any(isinstance(state, (list, tuple)) for state in given):
            raise ValueError(
                f"{type(self).__name__} takes each state as a tensor. Got a list among them: a "
                "list or tuple of states returns (output, states); for tensors call "
                "cell(x, h), or cell(x, h, c) for an LSTM."
            )
        if not given:
            given = self.get_initial_state(ops.shape(inputs)[0])
        self._check_states([state.shape for state in given], inputs.shape[0])
        new = self.step(self.project(ops.convert_to_tensor(inputs, self.compute_dtype)), given)
        if as_keras:
            return new[0], new
        return new[0] if len(new) == 1 else tuple(new)

    def compute_output_shape(
        self, inputs_shape: Shape, states_shape: Any = None, cell_state_shape: Any = None
    ) -> Any:
        batch = inputs_shape[0]
        shapes = [(batch, size) for size in self.state_size]
        if is_list_of_shapes(states_shape):
            self._check_states(states_shape, batch)
            return shapes[0], shapes
        given = [s for s in (states_shape, cell_state_shape) if s is not None]
        if given:
            self._check_states(given, batch)
        return shapes[0] if len(shapes) == 1 else tuple(shapes)

    def _check_states(self, shapes: Any, batch: int | None) -> None:
        expected = [(batch, size) for size in self.state_size]
        if len(shapes) != len(expected) or not all(map(compatible, shapes, expected)):
            raise ValueError(
                f"{type(self).__name__} takes {len(expected)} states of shapes "
                f"{expected}. Got {[tuple(shape) for shape in shapes]}."
            )

    def get_initial_state(self, batch_size: int) -> list[Tensor]:
        """Return zero states for a batch."""
        return [ops.zeros((batch_size, size), self.compute_dtype) for size in self.state_size]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "use_bias": self.use_bias,
            **serialized_weight_options(self, ("kernel", "recurrent", "bias")),
        }


@keras.saving.register_keras_serializable(package="kerasrnn")
class RNNCell(Cell):
    """One step of the Elman RNN.

        h' = tanh(W x + b + U h + c)

    >>> cell = RNNCell(20)
    >>> h = cell(keras.ops.ones((3, 100)))
    >>> h = cell(keras.ops.ones((3, 100)), h)
    >>> tuple(h.shape)
    (3, 20)

    Weights: `kernel` W (features, units), `recurrent_kernel` U (units, units), `bias`
    (2, units) with rows b and c.

    Args:
        units: Size of the hidden state.
        nonlinearity: `"tanh"` (default) or `"relu"`.
        **kwargs: See `kerasrnn.cells.Cell`.

    Source: documentation of `torch.nn.RNNCell`; Elman 1990.
    """

    gates = 1

    def __init__(self, units: int, *, nonlinearity: str = "tanh", **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity must be 'tanh' or 'relu'. Got {nonlinearity!r}.")
        self.nonlinearity = nonlinearity

    def step(
        self, projected: Tensor, states: list[Tensor], dropout: Tensor | None = None
    ) -> list[Tensor]:
        activation = tanh if self.nonlinearity == "tanh" else ops.relu
        return [activation(projected + self.recur(dropped(states[0], dropout)))]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "nonlinearity": self.nonlinearity}


@keras.saving.register_keras_serializable(package="kerasrnn")
class LSTMCell(Cell):
    """One step of the long short-term memory.

        i, f, g, o = sigmoid, sigmoid, tanh, sigmoid of W x + b + U h + c
        cell'   = f * cell + i * g
        hidden' = o * tanh(cell')              without projection
        hidden' = (o * tanh(cell')) P          with projection

    >>> cell = LSTMCell(20)
    >>> x = keras.ops.ones((3, 100))
    >>> h, c = cell(x)
    >>> h, c = cell(x, h, c)
    >>> tuple(h.shape), tuple(c.shape)
    ((3, 20), (3, 20))

    Weights, gates in the order i, f, g, o: `kernel` W (features, 4 * units),
    `recurrent_kernel` U (units or proj_size, 4 * units), `bias` (2, 4 * units) with
    rows b and c, `projection_kernel` P (units, proj_size).

    Args:
        units: Size of the cell state, and of the hidden state without projection.
        proj_size: Size of the projected hidden state; 0 (default) for no projection.
        unit_forget_bias: Start the forget gate's input bias at 1 and its recurrent
            bias at 0, so that a new cell remembers. Default False.
        projection_initializer, projection_regularizer, projection_constraint: For
            `projection_kernel`.
        **kwargs: See `kerasrnn.cells.Cell`.

    Source: documentation of `torch.nn.LSTMCell` and `torch.nn.LSTM`; Hochreiter and
    Schmidhuber 1997; Sak et al. 2014 for the projection.
    """

    gates = 4

    def __init__(
        self,
        units: int,
        *,
        proj_size: int = 0,
        unit_forget_bias: bool = False,
        projection_initializer: Initializer = "torch_uniform",
        projection_regularizer: Regularizer = None,
        projection_constraint: Constraint = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, **kwargs)
        if not isinstance(proj_size, int) or not 0 <= proj_size < units:
            raise ValueError(
                f"proj_size must be 0 (no projection) or smaller than units={units}. "
                f"Got {proj_size!r}."
            )
        self.proj_size = proj_size
        self.unit_forget_bias = unit_forget_bias
        self.projection_initializer = get_initializer(projection_initializer, units)
        self.projection_regularizer = keras.regularizers.get(projection_regularizer)
        self.projection_constraint = keras.constraints.get(projection_constraint)

    @property
    def output_size(self) -> int:
        return self.proj_size or self.units

    @property
    def state_size(self) -> list[int]:
        return [self.output_size, self.units]

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        self.projection_kernel = None
        if self.proj_size:
            self.projection_kernel = self.add_weight(
                shape=(self.units, self.proj_size),
                name="projection_kernel",
                initializer=self.projection_initializer,
                regularizer=self.projection_regularizer,
                constraint=self.projection_constraint,
            )

    def initial_bias(self, shape: Shape, dtype: Any = None) -> Tensor:
        bias = super().initial_bias(shape, dtype=dtype)
        if not self.unit_forget_bias:
            return bias
        i, _, g, o = ops.split(bias, 4, axis=-1)
        forget = ops.stack([ops.ones_like(i[0]), ops.zeros_like(i[0])])
        return ops.concatenate([i, forget, g, o], axis=-1)

    def step(
        self, projected: Tensor, states: list[Tensor], dropout: Tensor | None = None
    ) -> list[Tensor]:
        hidden, cell = states
        gates = projected + self.recur(dropped(hidden, dropout))
        i, f, g, o = ops.split(gates, 4, axis=-1)
        cell = ops.sigmoid(f) * cell + ops.sigmoid(i) * tanh(g)
        hidden = ops.sigmoid(o) * tanh(cell)
        if self.projection_kernel is not None:
            hidden = matmul(hidden, self.projection_kernel)
        return [hidden, cell]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "proj_size": self.proj_size,
            "unit_forget_bias": self.unit_forget_bias,
            **serialized_weight_options(self, ("projection",)),
        }


@keras.saving.register_keras_serializable(package="kerasrnn")
class GRUCell(Cell):
    """One step of the gated recurrent unit.

        z, r = sigmoid of W x + b + U h + c
        n  = tanh(W x + b + r * (U h + c))     reset_after=True, as in torch.nn
        n  = tanh(W x + b + U (r * h) + c)     reset_after=False, as first published
        h' = (1 - z) * n + z * h

    >>> cell = GRUCell(20)
    >>> h = cell(keras.ops.ones((3, 100)))
    >>> tuple(h.shape)
    (3, 20)

    Weights, gates in the order z, r, n: `kernel` W (features, 3 * units),
    `recurrent_kernel` U (units, 3 * units), `bias` (2, 3 * units) with rows b and c.

    Args:
        units: Size of the hidden state.
        reset_after: Apply the reset gate after the recurrent product (True, default)
            or before it.
        **kwargs: See `kerasrnn.cells.Cell`.

    Source: documentation of `torch.nn.GRUCell`; Cho et al. 2014.
    """

    gates = 3

    def __init__(self, units: int, *, reset_after: bool = True, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.reset_after = reset_after

    def step(
        self, projected: Tensor, states: list[Tensor], dropout: Tensor | None = None
    ) -> list[Tensor]:
        (hidden,) = states
        entering = dropped(hidden, dropout)
        new = self._step_after if self.reset_after else self._step_before
        z, n = new(projected, entering)
        return [(1 - z) * n + z * hidden]

    def _step_after(self, projected: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        input_z, input_r, input_n = ops.split(projected, 3, axis=-1)
        hidden_z, hidden_r, hidden_n = ops.split(self.recur(hidden), 3, axis=-1)
        r = ops.sigmoid(input_r + hidden_r)
        return ops.sigmoid(input_z + hidden_z), tanh(input_n + r * hidden_n)

    def _step_before(self, projected: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        if self.bias is not None:
            projected = projected + self.bias[1]
        input_zr, input_n = ops.split(projected, [2 * self.units], axis=-1)
        kernel_zr, kernel_n = ops.split(self.recurrent_kernel, [2 * self.units], axis=-1)
        zr = ops.sigmoid(input_zr + matmul(hidden, kernel_zr))
        z, r = ops.split(zr, 2, axis=-1)
        return z, tanh(input_n + matmul(r * hidden, kernel_n))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "reset_after": self.reset_after}


def dropped(hidden: Tensor, dropout: Tensor | None) -> Tensor:
    """Apply the recurrent dropout's factors, where there are any."""
    return hidden if dropout is None else hidden * dropout


def require_dtype(cell: Cell, variable: keras.Variable) -> None:
    """Raise where the backend made a variable in another type than was asked for."""
    made = keras.backend.standardize_dtype(variable.value.dtype)
    if made != cell.variable_dtype:
        raise ValueError(
            f"{cell.name} was asked for {cell.variable_dtype} weights, but the "
            f"{keras.backend.backend()} backend made {made}. On JAX, switch on "
            "float64 first: jax.config.update('jax_enable_x64', True)."
        )


def compatible(shape: Shape, expected: Shape) -> bool:
    """Say whether a shape can be the expected one; None stands for any size."""
    return len(shape) == len(expected) and all(
        a is None or b is None or a == b for a, b in zip(shape, expected, strict=True)
    )


def is_list_of_shapes(shape: Any) -> bool:
    """Tell a list of shapes from one shape."""
    return bool(shape) and isinstance(shape[0], (list, tuple))


def serialized_weight_options(layer: Any, weights: tuple[str, ...]) -> dict[str, Any]:
    """Return the initializers, regularizers and constraints for `get_config`."""
    kinds = {
        "initializer": keras.initializers,
        "regularizer": keras.regularizers,
        "constraint": keras.constraints,
    }
    return {
        f"{weight}_{kind}": module.serialize(getattr(layer, f"{weight}_{kind}"))
        for weight in weights
        for kind, module in kinds.items()
    }
