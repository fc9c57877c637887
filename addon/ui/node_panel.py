"""What a GAN Style node shows: its style, how the last run went, what is wrong and the buttons that mend it."""

from collections.abc import Iterator

import bpy

from ...core import StyleError
from .. import library
from ..run import after_edits, log
from ..trees import guides, hidden_scenes
from ..viewport import switch
from . import thumbnails
from .wrapped import alert, letters, wrap

ICON_WIDTH = 40.0
MAX_SCORES = 40


def draw_buttons(node: bpy.types.Node, layout: bpy.types.UILayout) -> None:
    """The node itself."""
    layout.context_pointer_set("node", node)
    if thumbnails.icon(library.installed().get(node.style_id)):
        layout.template_icon_view(node, "style", show_labels=True, scale=5.0, scale_popup=5.0)
    row = layout.row(align=True)
    row.prop(node, "style", text="")
    row.operator("gan_style.install_style", text="", icon="IMPORT")
    switch.draw_switch(layout, node)
    problem, button, text = _problem(node)
    run = log.latest(node.node_tree.session_uid) if node.node_tree else None
    if problem:
        alert(layout, problem, _letters(node.width))
        layout.operator(button, text=text)
    elif (progress := after_edits.progress()) is not None:  # asked once: the run may end at any moment
        row = layout.row(align=True)
        row.progress(factor=progress, text=library.preparing() or f"Stylising, {progress:.0%}")
        row.operator("gan_style.cancel", text="", icon="X")
    elif problem := hidden_scenes.problem(node):
        alert(layout, problem, _letters(node.width))
    elif run is None or run.not_rendered:
        layout.label(text="Render once (F12)", icon="INFO")
    else:
        _draw_run(run, layout, node.width)
    missed = log.missed(node.node_tree.session_uid) if node.node_tree else ""
    if missed and (run is None or run.error != missed):
        alert(layout, f"Not in the last render. {missed}", _letters(node.width))


def draw_details(node: bpy.types.Node, layout: bpy.types.UILayout, width: float) -> None:
    """The node's part of the sidebar, which is so many pixels wide, at a scale of 1."""
    draw_buttons(node, layout)
    run = log.latest(node.node_tree.session_uid) if node.node_tree else None
    if run is not None and run.reason:
        wrap(layout.box().column(align=True), run.reason, _letters(width))
    installed = library.installed().get(node.style_id)
    if installed is None or installed.style is None:
        return
    style = installed.style
    column = layout.box().column(align=True)
    wrap(column, style.description or style.name, _letters(width))
    for label, text in (("Author", style.author), ("Licence", style.licence), ("Passes", ", ".join(style.passes))):
        column.label(text=f"{label}: {text}")
    wrap(column, library.place(installed), _letters(width))
    if style.score_card:
        column = layout.box().column(align=True)
        column.label(text="Score Card")
        for depth, label, value in list(_scores(style.score_card))[:MAX_SCORES]:
            row = column.split(factor=0.65)
            row.label(text="    " * depth + label)
            row.label(text=value)


def _problem(node: bpy.types.Node) -> tuple[str, str, str]:
    """What is wrong with the node as it stands, whether it has run since or not, and the operator that mends it and its label."""
    try:
        library.find(node.style_id)
    except library.MissingStyleError:
        problem = f"The style '{node.style_id}' is not installed." if node.style_id else "No style is chosen."
        return problem, "gan_style.install_style", "Locate Style..."
    except StyleError as error:
        return str(error), "gan_style.install_style", "Install Style..."
    if lacking := guides.missing(node):
        return f"The style needs the passes {', '.join(lacking)}.", "gan_style.link_passes", "Link Passes"
    return "", "", ""


def _draw_run(run: log.Run, layout: bpy.types.UILayout, width: float) -> None:
    if run.error:
        alert(layout, run.error, _letters(width))
    elif run.cancelled:
        wrap(layout.column(align=True), "Cancelled: this is the earlier picture.", _letters(width), icon="INFO")
    if run.error or run.cancelled:
        layout.operator("gan_style.run_again")
        return
    if run.warning:
        wrap(layout.column(align=True), run.warning, _letters(width), icon="INFO")
    if run.network_ran:
        layout.label(text=f"{run.provider.upper()}  {run.generator_seconds:.2f} s")
    else:
        layout.label(text=f"{run.provider.upper()}  {'remembered' if run.cached else 'unchanged'}")


def _letters(width: float) -> int:
    return letters(width - ICON_WIDTH, least=10)


def _scores(card: dict, depth: int = 0) -> Iterator[tuple[int, str, str]]:
    """(depth, label, value) of each line of a score card; what is nested gets a line of its own as heading."""
    for name, value in card.items():
        label = name.replace("_", " ")
        if isinstance(value, dict):
            yield depth, label, ""
            yield from _scores(value, depth + 1)
        else:
            yield depth, label, f"{value:.4g}" if isinstance(value, float) else str(value)
