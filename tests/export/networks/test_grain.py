import torch

from export.networks.grain import PERIODS, Grain


def place(top: int, left: int, height: int, width: int) -> torch.Tensor:
    rows, columns = torch.arange(top, top + height)[:, None], torch.arange(left, left + width)
    return torch.stack([columns.expand(height, width), rows.expand(height, width)])[None].float()


def test_a_part_of_the_frame_has_the_frames_noise_to_the_bit_however_far_out():
    grain = Grain(2)
    for start in (0, 8000):
        whole = grain(place(start, start, 96, 160))
        assert torch.equal(grain(place(start + 32, start + 64, 40, 56)), whole[..., 32:72, 64:120])


def test_it_is_as_strong_everywhere_and_in_every_octave_and_channels_differ():
    noise = Grain(3)(place(0, 0, 512, 512))
    assert (noise.mean((2, 3)).abs() < 0.05).all() and ((noise.std((2, 3)) - 1).abs() < 0.15).all()
    spectrum = torch.fft.fft2(noise).abs().square().mean((0, 1))
    radius = torch.hypot(torch.fft.fftfreq(512)[:, None], torch.fft.fftfreq(512))
    octaves = [spectrum[(radius >= low) & (radius < 2 * low)].sum() for low in (1 / 128, 1 / 64, 1 / 32, 1 / 16, 1 / 8)]
    assert max(octaves) < 8 * min(octaves)
    assert torch.corrcoef(noise[0].flatten(1))[0, 1:].abs().max() < 0.3


def test_it_does_not_come_again_at_one_of_its_periods():
    noise = Grain(1)(place(0, 0, 256, 64 + 2 * max(PERIODS)))
    for period in (2 * p for p in PERIODS):
        pair = torch.stack([noise[..., :64].flatten(), noise[..., period : period + 64].flatten()])
        assert torch.corrcoef(pair)[0, 1] < 0.8
