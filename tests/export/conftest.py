from importlib.util import find_spec

NEED_TORCH = (
    "datasets/looks", "datasets/test_looks.py", "datasets/test_paint.py", "frames", "measures", "networks", "serve", "speed",
    "training", "trials", "test_export_onnx.py",
)  # fmt: skip
collect_ignore = [] if find_spec("torch") else NEED_TORCH
