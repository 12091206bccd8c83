"""The table in docs/speed.md says what runs."""

import importlib.util
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

BACKEND = keras.backend.backend()
FILE = Path(__file__).parent.parent / "docs" / "kernel_table.py"
specification = importlib.util.spec_from_file_location("kernel_table", FILE)
kernel_table: Any = importlib.util.module_from_spec(specification)  # type: ignore[arg-type]
specification.loader.exec_module(kernel_table)  # type: ignore[union-attr]


OPERATORS = {
    "`torch_native`": "kerasrnn.native",
    "`torch_fused`": "kerasrnn.fused",
    "`torch_bptt`": "kerasrnn.bptt",
}


def test_page_holds_the_table() -> None:
    assert kernel_table.in_page() == kernel_table.table()


def call(layer: Any, x: Any, facts: dict[str, Any]) -> None:
    """Call a layer as the facts of a row say."""
    mask = np.ones(x.shape[:2], bool) if facts.get("masked") else None
    mask = None if mask is None else keras.ops.convert_to_tensor(mask)
    training = facts.get("training", False)
    if BACKEND == "jax":
        layer(x, mask=mask, training=training)
        return
    import torch

    with torch.set_grad_enabled(training):
        layer(x, mask=mask, training=training)


@pytest.mark.parametrize("kind", kernel_table.KINDS)
@pytest.mark.parametrize("row", kernel_table.rows())
def test_rows_say_what_runs(row: str, kind: str, runs: list[str], request: Any) -> None:
    options, facts = kernel_table.rows()[row]
    if (layer := kernel_table.new_layer(kind, options, facts)) is None:
        assert kernel_table.kernel_of(kind, "cpu", options, facts) == "-"
        return
    if facts.get("compiling"):
        # torch cannot trace what the fixture put in the kernels' place.
        request.getfixturevalue("monkeypatch").undo()
        assert_compiled_operator(layer, facts, kernel_table.kernel_of(kind, "cpu", options, facts))
        return
    batch = facts.get("batch_size", 8)
    call(layer, keras.ops.zeros((batch, 3, 4), layer.compute_dtype), facts)
    assert kernel_table.kernel_of(kind, "cpu", options, facts) == f"`{runs[-1]}`"
    assert set(runs) == {runs[-1]}


def assert_compiled_operator(layer: Any, facts: dict[str, Any], kernel: str) -> None:
    """Look at the operator in the graph that torch traced."""
    import torch

    found: list[str] = []

    def backend(graph: Any, _: Any) -> Any:
        found.extend(str(node.target) for node in graph.graph.nodes)
        return graph

    torch._dynamo.reset()
    training = facts.get("training", False)
    with torch.set_grad_enabled(training):
        compiled = torch.compile(
            lambda x: layer(x, training=training), fullgraph=True, backend=backend
        )
        compiled(torch.zeros(8, 3, 4))
    operator = OPERATORS[kernel]
    assert [name for name in found if "kerasrnn" in name] == [f"{operator}.default"]
