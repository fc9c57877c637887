"""Steadiness over time by the renderer's own motion: where a surface goes in a frame, and whether it stays in sight."""

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

STRAY = 1.0
"""Pixels by which motion forwards and back may miss its start; a larger miss means that something else is seen."""
DEPTH_RATIO = 1.1
"""How much nearer or farther a surface may get in one frame."""
SAME_LOOK = 50.0
"""How fast the weight falls with a change of the rendered image itself (Lai et al. 2018, equation 3)."""


def follow(later: Tensor, vector: Tensor) -> Tensor:
    """The frame at t + 1 warped to t: what it shows of the surfaces that the frame at t sees, at their places at t.

    later: (B, c, H, W) at t + 1; vector: (B, 4, H, W) at t, in pixels, y up, z and w being this place less the next one.
    """
    height, width = later.shape[2:]
    y, x = torch.meshgrid(torch.arange(height, device=later.device), torch.arange(width, device=later.device), indexing="ij")
    x, y = x - vector[:, 2], y + vector[:, 3]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)
    return grid_sample(later, grid, mode="bilinear", padding_mode="border", align_corners=False)


def in_sight(now: dict[str, Tensor], later: dict[str, Tensor]) -> Tensor:
    """(B, 1, H, W): 1 where what the frame at t shows is still seen at t + 1, else 0.

    now, later: the passes vector (B, 4, H, W) and depth (B, 1, H, W) of both frames. A surface is in sight if its next place is
    in the picture, its motion there leads back to where it came from (Sundaram et al. 2010, section 4), and its depth is alike.
    """
    vector, height, width = now["vector"], *now["vector"].shape[2:]
    back = follow(later["vector"], vector)
    stray = (back[:, :2] - vector[:, 2:]).square().sum(1, keepdim=True).sqrt()  # previous - this, against this - next
    ratio = follow(later["depth"], vector).clamp(min=1e-3) / now["depth"].clamp(min=1e-3)
    x = torch.arange(width, device=vector.device) - vector[:, 2:3]
    y = torch.arange(height, device=vector.device)[:, None] + vector[:, 3:4]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return (inside & (stray <= STRAY) & (ratio < DEPTH_RATIO) & (ratio > 1 / DEPTH_RATIO)).float()


def steadiness(output: tuple[Tensor, Tensor], image: tuple[Tensor, Tensor], seen: Tensor, vector: Tensor) -> Tensor:
    """Mean absolute difference of the output at t + 1, followed back to t, to that at t (Ruder et al. 2016, equation 7).

    output, image: encoded frames at t and at t + 1, (B, 3, H, W); seen: of in_sight(). Light that moves over a surface may
    change the output: the weight falls with the change of the rendered image.
    """
    changed = (image[0] - follow(image[1], vector)).square().sum(1, keepdim=True)
    return (seen * torch.exp(-SAME_LOOK * changed) * (output[0] - follow(output[1], vector)).abs()).mean()
