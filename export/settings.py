"""Settings as frozen dataclasses: command lines and files made of their fields, and sentences about mistakes."""

import argparse
import json
import tomllib
from dataclasses import MISSING, Field, field, fields
from pathlib import Path
from typing import get_args, get_origin, get_type_hints


class TrainerError(ValueError):
    """Something that the trainer's user can put right; the message is a sentence that says how."""


class ConfigError(TrainerError):
    """A setting is missing, unknown or out of range."""


def setting(default: object = MISSING, help: str = "", **more: object) -> Field:
    """A field of a settings class. more: `choices`; `positional`, an argument without flag; `free`, may change on resuming;
    `group`, the heading in --help that this field and those after it stand under."""
    return field(default=default, metadata={"help": help, **more})


def require(condition: bool, sentence: str) -> None:
    """Raise ConfigError with the sentence about a setting unless the condition holds."""
    if not condition:
        raise ConfigError(f"The setting {sentence}.")


def add_arguments(parser: argparse.ArgumentParser, config_class: type) -> None:
    """Add --config and one argument per field; none has a default, so that explicit_values() tells what was asked for."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="JSON or TOML file of settings; flags override it")
    hints, group = get_type_hints(config_class), parser
    for f in fields(config_class):
        group = parser.add_argument_group(f.metadata["group"]) if "group" in f.metadata else group
        note = "" if f.default is MISSING or f.default in ("", (), None) else f" [{plain(f.default)}]"
        options = {"help": (f.metadata.get("help", "") + note).replace("%", "%%"), "default": argparse.SUPPRESS}
        kind, many = _element(hints[f.name])
        if kind is bool:
            options["action"] = argparse.BooleanOptionalAction
        else:
            options |= {"type": kind, "choices": f.metadata.get("choices"), "metavar": f.name.upper().replace("_", "-")}
        if many:  # a flag that is given again adds to what it named before
            options |= {"nargs": "*", "action": "extend"}
        if options.get("choices"):
            options["metavar"] = None
        group.add_argument(f.name if f.metadata.get("positional") else "--" + f.name.replace("_", "-"), **options)


def _element(hint: object) -> tuple[type, bool]:
    """(type of one value, whether the field holds many): tuple[int, ...] is (int, True), int | None is (int, False)."""
    if get_origin(hint) is tuple:
        return get_args(hint)[0], True
    kinds = [k for k in get_args(hint) if k is not type(None)]
    return (kinds[0] if kinds else hint), False


def explicit_values(config_class: type, arguments: argparse.Namespace) -> dict:
    """The values given in the --config file and, above them, on the command line. Raises ConfigError."""
    values = read_values(arguments.config) if arguments.config else {}
    return values | {f.name: getattr(arguments, f.name) for f in fields(config_class) if hasattr(arguments, f.name)}


def read_values(path: Path) -> dict:
    """Settings from a JSON or TOML file as a dict. Raises ConfigError."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        values = tomllib.loads(text) if Path(path).suffix == ".toml" else json.loads(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"The settings file {path} can't be read: {error}.") from error
    if not isinstance(values, dict):
        raise ConfigError(f"The settings file {path} must hold names and values.")
    return {name.replace("-", "_"): value for name, value in values.items()}


def from_values(config_class: type, values: dict):
    """Build a settings object from {field name: value}. Raises ConfigError for unknown, missing and wrongly typed settings."""
    hints = get_type_hints(config_class)
    if unknown := sorted(set(values) - set(hints)):
        raise ConfigError(f"There is no setting named {', '.join(unknown)}.")
    required = [f.name for f in fields(config_class) if f.default is MISSING and f.default_factory is MISSING]
    if missing := [name for name in required if name not in values]:
        raise ConfigError(f"Please give {', '.join('--' + m.replace('_', '-') for m in missing)}.")
    typed = {name: _typed(name, hints[name], value) for name, value in values.items()}
    for f in fields(config_class):
        choices, value = f.metadata.get("choices"), typed.get(f.name)
        chosen = value if isinstance(value, tuple) else (value,)
        if choices and f.name in typed and (wrong := [c for c in chosen if c not in choices]):
            raise ConfigError(f"The setting {f.name} can't be {wrong[0]!r}; choose from {', '.join(map(str, choices))}.")
    return config_class(**typed)


def _typed(name: str, hint: object, value: object) -> object:
    kind, many = _element(hint)
    if many:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"The setting {name} must be a list, not {value!r}.")
        return tuple(_typed(name, kind, v) for v in value)
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    if (kind is Path and isinstance(value, str)) or (kind is float and type(value) is int):
        return kind(value)
    if value is None and type(None) in get_args(hint):
        return None
    raise ConfigError(f"The setting {name} must be of type {kind.__name__}, not {value!r}.")


def to_values(config: object) -> dict:
    """A settings object as plain JSON values; from_values() reads them back to an equal object."""
    return {f.name: plain(getattr(config, f.name)) for f in fields(config)}


def plain(value: object) -> object:
    """A value as JSON knows it: tuples as lists, paths as text."""
    if isinstance(value, tuple):
        return [plain(v) for v in value]
    return value.as_posix() if isinstance(value, Path) else value


# With the hinge loss a new look reaches the generator sooner than with least squares.
