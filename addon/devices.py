"""What can run the generators on this machine, in words."""

from functools import lru_cache
from importlib.util import find_spec

from ..core.runtime import AUTO, LABELS, device_names, overwritten, provider_problem, split_device


@lru_cache
def names(provider: str) -> list[str]:
    """What the devices of a provider are called on this machine, the one first that it takes by itself; empty if nobody tells."""
    return [] if find_spec("onnxruntime") is None else device_names(provider)


@lru_cache
def state(provider: str) -> tuple[str, bool]:
    """What to say of a device on this machine, as sentences, and whether that is a problem. provider: as in Settings.device."""
    if find_spec("onnxruntime") is None:
        return "Blender's Python has no ONNX Runtime; install it as the add-on's README says.", True
    if problem := overwritten():
        return problem, True
    said = []
    for asked in AUTO if provider == "auto" else (provider,):
        problem, (name, device) = provider_problem(asked), split_device(asked)
        if not problem:
            known = f" ({', '.join(names(name))})" if names(name) and not device else ""
            return " ".join([*said, f"{LABELS[name]} works on {device or 'this machine'}{known}."]), False
        said.append(f"{LABELS[name]} can't be used: {problem}.")
    return " ".join(said), True
