"""Puts a graph together from standard operators, one after the other."""

import numpy as np


class Builder:
    """Collects nodes and weights; what an operator gives is a name under a prefix of its own."""

    def __init__(self, prefix: str):
        self.prefix, self.nodes, self.weights = prefix, [], []

    def add(self, operator: str, *inputs: "str | np.ndarray | float", **attributes) -> str:
        """Append a node and return its result; arrays become weights, numbers weights of one float32."""
        import onnx

        result = f"{self.prefix}{len(self.nodes)}_{operator}"
        names = [value if isinstance(value, str) else self._weight(value) for value in inputs]
        self.nodes.append(onnx.helper.make_node(operator, names, [result], **attributes))
        return result

    def _weight(self, value: np.ndarray | float) -> str:
        import onnx

        array = np.asarray(value, np.float32 if isinstance(value, float) else None)
        name = f"{self.prefix}weight{len(self.weights)}"
        self.weights.append(onnx.numpy_helper.from_array(array, name))
        return name


def whole(*numbers: int) -> np.ndarray:
    """Sizes and axes, as ONNX takes them."""
    return np.array(numbers, np.int64)
