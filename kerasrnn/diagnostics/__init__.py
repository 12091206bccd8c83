"""Why recurrent networks forget: gradients through time, measured."""

from kerasrnn.diagnostics.flow import GradientFlow, gradient_flow
from kerasrnn.diagnostics.memory import memory_length
from kerasrnn.diagnostics.monitor import GradientMonitor
from kerasrnn.diagnostics.plotting import plot_gradient_flow

__all__ = [
    "GradientFlow",
    "GradientMonitor",
    "gradient_flow",
    "memory_length",
    "plot_gradient_flow",
]
