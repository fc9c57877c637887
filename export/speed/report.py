"""The table of speeds as text and as a plot."""

from matplotlib.figure import Figure

COLOURS = {"pytorch": "steelblue", "onnxruntime": "orange", "cuda": "green"}


def table(report: dict) -> str:
    """The report as plain text: a block for each size of frame, what else was measured there, and the goals."""
    lines = ["  ".join(f"{key}: {value}" for key, value in report["machine"].items())]
    for size, rows in report["results"].items():
        lines += ["", *_frames(size, rows), *_others(size, rows)]
    known = {True: "met", False: "NOT met", None: "not measured"}
    lines += ["", "Goals"]
    for goal in report["goals"]:
        found = "" if goal["found"] is None else f"{goal['found']:.3g}, "
        bound = "at most" if goal["at_most"] else "at least"
        lines.append(f"  {known[goal['met']]:13}{goal['goal']}: {found}wanted {bound} {goal['limit']:.3g}")
    verdicts = [goal["met"] for goal in report["goals"]]
    counts = ", ".join(f"{verdicts.count(verdict)} {word}" for verdict, word in known.items())
    return "\n".join([*lines, "", f"{len(verdicts)} goals: {counts}."]) + "\n"


def _frames(size: str, rows: dict[str, dict]) -> list[str]:
    """Generators side by side."""
    ours = rows.get("default onnxruntime", {}).get("seconds")
    lines = [f"{size:36}{'seconds':>9}{'least..most':>18}{'MB':>8}{'G/s':>7}{'x default':>11}"]
    for row, cost in rows.items():
        if "rate" in cost:
            ratio = f"{cost['seconds'] / ours:.2f}" if ours else "-"
            spread = f"{cost['least_seconds']:.3f}..{cost['most_seconds']:.3f}"
            memory = f"{cost['peak_megabytes']:.0f}" if "peak_megabytes" in cost else "-"
            lines.append(f"{row:36}{cost['seconds']:9.3f}{spread:>18}{memory:>8}{cost['rate']:7.0f}{ratio:>11}")
    return lines if len(lines) > 1 else []


def _others(size: str, rows: dict[str, dict]) -> list[str]:
    """Figures that are no row of the table, and what could not be measured."""
    lines = []
    for row, figures in rows.items():
        if "problem" in figures:
            lines.append(f"{row:36}{figures['problem']}")
        elif "rate" not in figures:
            told = [f"{key} {value:.4g}" for key, value in figures.items() if not key.endswith("t_seconds")]
            lines.append(f"{size + ' ' + row:36}{', '.join(told)}")
    return lines


def bars(results: dict[str, dict]) -> Figure:
    """Seconds per frame as bars on a logarithmic scale, size by size, in the colour of the runtime."""
    rows = [(f"{size}  {row}", cost["seconds"]) for size in results for row, cost in results[size].items() if "rate" in cost]
    figure = Figure((9, 1 + 0.22 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for runtime, colour in COLOURS.items():
        chosen = {place: seconds for place, (label, seconds) in enumerate(rows) if label.endswith(f" {runtime}")}
        if chosen:
            drawn = axes.barh(list(chosen), list(chosen.values()), color=colour, label=runtime)
            axes.bar_label(drawn, fmt=" %.3f s")
    axes.set_yticks(range(len(rows)), [label for label, _ in rows])
    axes.set(xscale="log", xlabel="seconds per frame")
    axes.margins(x=0.15, y=0.02)
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    if rows:
        figure.legend(loc="outside upper right", ncols=len(COLOURS), frameon=False)
    return figure
