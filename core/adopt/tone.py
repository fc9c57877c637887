"""The curves between scene-linear light and what a model made for display pictures expects, and back, without loss of light.

A pixel's largest channel m is compressed into [0, 1): as it is up to KNEE, above it by a hyperbola of the same slope there. All
three channels are divided by the same gain m / t(m), so hues stay; the gain goes around the model and multiplies its answer. So
a sun stays as bright as it was, whatever the model's answer is off by, and a model that changes nothing changes no light.
"""

import numpy as np

from ..colour import decode_srgb, encode_srgb
from .builder import Builder, whole

KNEE = 0.8
"""Light up to here is shown to the model as it is; white, 1, becomes 0.9."""
SRGB_BREAK = 0.0031308, 0.04045
"""Where the straight part of the sRGB curve ends, linear and encoded (IEC 61966-2-1)."""
ENCODINGS = ("srgb", "linear")


def gain(linear: np.ndarray) -> np.ndarray:
    """(..., 3) radiance to (..., 1): what to divide it by so that it lies in [0, 1); 1 up to KNEE."""
    largest = linear.max(-1, keepdims=True)
    over = np.maximum(largest - KNEE, 0)
    return np.maximum(largest, KNEE) / (KNEE + (1 - KNEE) * over / (over + (1 - KNEE)))


def to_display(linear: np.ndarray, encoding: str) -> np.ndarray:
    """(..., 3) radiance to what the model is shown, in [0, 1]."""
    light = np.maximum(linear, 0)
    compressed = light / gain(light)
    return encode_srgb(compressed) if encoding == "srgb" else compressed.astype(np.float32)


def to_light(display: np.ndarray, linear: np.ndarray, encoding: str) -> np.ndarray:
    """The model's answer in [0, 1] to radiance, by the gain of the radiance that went in."""
    answer = np.clip(display, 0, 1)
    return (decode_srgb(answer) if encoding == "srgb" else answer) * gain(np.maximum(linear, 0))


def add_to_display(builder: Builder, image: str, encoding: str) -> tuple[str, str]:
    """to_display() of (1, 3, H, W) in operators: the names of the display picture and of the gain."""
    light = builder.add("Relu", image)
    largest = builder.add("ReduceMax", light, whole(1), keepdims=1)
    over = builder.add("Relu", builder.add("Sub", largest, KNEE))
    shoulder = builder.add("Div", over, builder.add("Add", over, 1 - KNEE))
    compressed = builder.add("Add", builder.add("Mul", shoulder, 1 - KNEE), KNEE)
    factor = builder.add("Div", builder.add("Max", largest, KNEE), compressed)
    display = builder.add("Div", light, factor)
    if encoding == "srgb":
        straight = builder.add("Mul", display, 12.92)
        power = _power(builder, builder.add("Max", display, SRGB_BREAK[0]), 1 / 2.4)
        bent = builder.add("Sub", builder.add("Mul", power, 1.055), 0.055)
        display = builder.add("Where", builder.add("LessOrEqual", display, SRGB_BREAK[0]), straight, bent)
    return display, factor


def add_to_light(builder: Builder, display: str, factor: str, encoding: str) -> str:
    """to_light() of (1, 3, H, W) in operators."""
    linear = display
    if encoding == "srgb":
        straight = builder.add("Mul", display, 1 / 12.92)
        raised = builder.add("Mul", builder.add("Add", builder.add("Max", display, SRGB_BREAK[1]), 0.055), 1 / 1.055)
        bent = _power(builder, raised, 2.4)
        linear = builder.add("Where", builder.add("LessOrEqual", display, SRGB_BREAK[1]), straight, bent)
    return builder.add("Mul", linear, factor)


def _power(builder: Builder, base: str, exponent: float) -> str:
    """base ** exponent of what is above 0: ONNX Runtime's Exp and Log take a fraction of the time of its Pow on CPUs."""
    return builder.add("Exp", builder.add("Mul", builder.add("Log", base), exponent))
