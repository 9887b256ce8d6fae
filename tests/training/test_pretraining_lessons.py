"""What the teacher of pretraining tells: features of first frames, motion between frames, and which patches are like which."""

import numpy as np
import pytest
import torch

from tubelet.training.flow import displacements
from tubelet.training.pretraining.distillation import Distillation
from tubelet.training.pretraining.teacher import Teacher, read


def test_lessons_are_the_features_of_first_frames_and_the_motion_between_frames():
    torch.manual_seed(0)
    teacher = Teacher().eval()
    lessons = Distillation(teacher, tubelet=2, kept=2)
    clips = torch.rand(2, 4, 3, 64, 64) * 255
    taught = lessons(clips, 0)
    assert taught.shape == (2, 2 * 16, sum(lessons.sizes)) and lessons.sizes[-2:] == (2, 1)
    with torch.no_grad():
        alone = teacher(clips[1, 2][None])  # second slice of the second clip
    assert torch.allclose(taught[1, 16:, :-3], alone.flatten(0, 2), atol=1e-4)
    assert torch.allclose(taught[1, 16:, -3:-1], displacements(clips[1], 16)[2:].mean(0).flatten(0, 1))
    for part in taught.split(lessons.sizes, -1)[:-2]:
        assert part.mean(-1).abs().max() < 1e-3
    assert not lessons(clips[:, :1], 1)[..., -3:].any()
    assert torch.equal(lessons(clips * 0, 0), taught)  # remembered, until two others have come since
    assert not torch.equal(lessons(clips * 0, 2), taught) and not lessons(clips[:, :1], 3)[..., -3:].any()
    assert not torch.equal(lessons(clips * 0, 0), taught)
    assert float(lessons.missed(taught, taught)) == 0 and float(lessons.missed(taught + 1, taught)) == pytest.approx(0.5)


def test_what_moves_apart_from_a_traveling_picture_is_told_from_it():
    picture = torch.rand(3, 40, 40, generator=torch.Generator().manual_seed(4))
    picture = torch.nn.functional.interpolate(picture[None], size=(320, 320), mode="bicubic")[0] * 255
    frames = torch.stack([picture[:, 2 * frame : 2 * frame + 224, :224].clone() for frame in range(4)])
    for frame in range(4):
        frames[frame, :, 64:128, 64 + 3 * frame : 128 + 3 * frame] = picture[:, 200:264, 200:264]
    apart = Distillation(Teacher().eval(), tubelet=2)(frames[None], 0)[0, :, -1].unflatten(0, (2, 14, 14))
    assert apart[:, 5:7, 5:7].min() > 0.6 and apart[:, 10:].mean() < 0.25


def test_tokens_are_unlike_the_lessons_by_the_divergence_of_whom_each_is_like():
    torch.manual_seed(2)
    lessons = Distillation(Teacher(), tubelet=2)
    taught, tokens = torch.randn(1, 5, sum(lessons.sizes)), torch.randn(1, 5, 5)
    _, middle, deep, moved, apart = (part[0].double().numpy() for part in taught.split(lessons.sizes, -1))
    wanted = []
    for token in range(5):
        units = [0.7 * level[token] / np.linalg.norm(level[token]) for level in (middle, deep)]
        vector = np.concatenate([*units, 0.1 * moved[token].clip(-3, 3), 0.4 * apart[token]])
        wanted.append(vector / np.linalg.norm(vector))
    own = [token / np.linalg.norm(token) for token in tokens[0].double().numpy()]
    total = 0.0
    for token in (0, 3):
        others = [other for other in range(5) if other != token]
        true, said = (np.exp([vectors[token] @ vectors[other] / 0.1 for other in others]) for vectors in (wanted, own))
        true, said = true / true.sum(), said / said.sum()
        total += (true * np.log(true / said)).sum() / 2
    assert float(lessons.unlike(tokens, taught)) == pytest.approx(total, rel=1e-3)
    assert float(lessons.unlike(torch.tensor(np.array(wanted)[None]), taught)) == pytest.approx(0, abs=1e-5)


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
    torch.save({**teacher.state_dict(), "_fc.weight": torch.zeros(1000, 1280)}, tmp_path / "teacher.pth")
    image = torch.rand(1, 3, 64, 64) * 255
    with torch.no_grad():
        assert torch.allclose(read(tmp_path / "teacher.pth", torch.device("cpu"))(image), teacher(image), atol=1e-4)
