"""What the teacher of pretraining tells: features of first frames, motion between frames, and which patches are like which."""

import numpy as np
import pytest
import torch

from tubelet.ingest.flow import displacements
from tubelet.training.pretraining.bank import Bank
from tubelet.training.pretraining.clip_source import ClipSource
from tubelet.training.pretraining.distillation import (
    COMPARED,
    MOTION,
    SIZES,
    Distillation,
    measure_distillation,
    measure_similarity,
)
from tubelet.training.pretraining.settings import Settings
from tubelet.training.pretraining.teacher import Teacher, read
from tubelet.training.scenes import photographs


def test_lessons_are_the_features_of_first_frames_and_color_and_motion_of_slices():
    torch.manual_seed(0)
    teacher = Teacher().eval()
    clip = (torch.rand(4, 3, 64, 64) * 255).byte()
    taught = Distillation(teacher, tubelet=2)(clip)
    assert taught.shape == (2, 4, 4, sum(SIZES)) and SIZES[-3:] == (12, 2, 1)
    *levels, color, moved, _ = taught.split(SIZES, -1)
    with torch.no_grad():
        alone = teacher(clip[2][None].float())  # first frame of the second slice
    assert torch.allclose(torch.cat(levels, -1)[1], alone[0], atol=1e-4)
    quarters = clip[2:4, :, 16:32, 48:64].float().mean(0).reshape(3, 2, 8, 2, 8).mean((2, 4))
    assert torch.allclose(color[1, 1, 3], quarters.flatten(), atol=1e-3)
    assert torch.allclose(moved[1], displacements(clip.float(), 16)[2:].mean(0)) and torch.equal(
        taught[..., MOTION], moved
    )
    assert float(measure_distillation(taught, taught)) == 0 and float(
        measure_distillation(taught + 1, taught)
    ) == pytest.approx(0.5)


def test_the_bank_keeps_what_the_teacher_says_in_half_precision_and_crops_are_taught_that(tmp_path):
    pictures = photographs.generate_pictures(np.random.default_rng(0), 2)
    lessons, settings = (
        Distillation(Teacher().eval(), 2),
        Settings(side=64, frames=4, tokens=64, teacher="efficientnet-lite0", bank=16),
    )
    bank = Bank.of(tmp_path, ClipSource([], pictures), settings, lessons)
    frames, taught = bank.clip(3)
    assert taught.dtype == np.float16 and np.allclose(
        taught, lessons(torch.from_numpy(np.array(frames))).numpy(), rtol=1e-3, atol=0.07
    )
    lessons.teacher = None  # asked once: what follows comes from the files
    again = bank.clip(3)[1]
    assert np.array_equal(again, taught)


def test_what_moves_apart_from_a_traveling_picture_is_told_from_it():
    picture = torch.rand(3, 40, 40, generator=torch.Generator().manual_seed(4))
    picture = (
        torch.nn.functional.interpolate(picture[None], size=(320, 320), mode="bicubic")[0] * 255
    )
    frames = torch.stack(
        [picture[:, 2 * frame : 2 * frame + 224, :224].clone() for frame in range(4)]
    )
    for frame in range(4):
        frames[frame, :, 64:128, 64 + 3 * frame : 128 + 3 * frame] = picture[:, 200:264, 200:264]
    apart = Distillation(Teacher().eval(), tubelet=2)(frames)[..., -1]
    assert apart[:, 5:7, 5:7].min() > 0.6 and apart[:, 10:].mean() < 0.25


def test_tokens_are_unlike_the_lessons_by_the_divergence_of_whom_each_is_like():
    torch.manual_seed(2)
    taught, tokens = 2 * torch.randn(1, 5, sum(SIZES)), torch.randn(1, 5, 5)
    parts = [part[0].double().numpy() for part in taught.split(SIZES, -1)]
    wanted = []
    for token in range(5):
        weighted = [
            weight * part[token].clip(-5, 5) / len(part[token]) ** 0.5
            for weight, part in zip(COMPARED, parts, strict=True)
        ]
        vector = np.concatenate(weighted)
        wanted.append(vector / np.linalg.norm(vector))
    own = [token / np.linalg.norm(token) for token in tokens[0].double().numpy()]
    total = 0.0
    for token in (0, 3):
        others = [other for other in range(5) if other != token]
        true, said = (
            np.exp([vectors[token] @ vectors[other] / 0.1 for other in others])
            for vectors in (wanted, own)
        )
        true, said = true / true.sum(), said / said.sum()
        total += (true * np.log(true / said)).sum() / 2
    assert float(measure_similarity(tokens, taught)) == pytest.approx(total, rel=1e-3)
    assert float(measure_similarity(torch.tensor(np.array(wanted)[None]), taught)) == pytest.approx(
        0, abs=1e-5
    )


def test_the_border_of_a_picture_is_not_what_its_outer_features_tell_of():
    torch.manual_seed(3)
    teacher = Teacher().eval()
    for weights in teacher.parameters():
        weights.data.mul_(1.5 if weights.ndim > 1 else 1)
    with torch.no_grad():
        features = teacher(torch.full((1, 3, 96, 96), 200.0))[0]
        assert features.shape[:2] == (6, 6)
        assert (features[0, 0] - features[3, 3]).norm() < 0.2 * features[3, 3].norm()


def test_a_teacher_keeps_its_names_in_its_file_and_what_is_beyond_the_last_lesson_is_left(tmp_path):
    torch.manual_seed(1)
    teacher = Teacher().eval()
    torch.save(
        {**teacher.state_dict(), "_fc.weight": torch.zeros(1000, 1280)}, tmp_path / "teacher.pth"
    )
    image = torch.rand(1, 3, 64, 64) * 255
    with torch.no_grad():
        assert torch.allclose(
            read(tmp_path / "teacher.pth", torch.device("cpu"))(image), teacher(image), atol=1e-4
        )
