"""A wrong shape or element type is caught where it is passed or returned; without jaxtyping the types cost nothing."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError, jaxtyped

from tests.commands import ROOT
from tests.shaped import ROOMS, check_arrays, find_modules
from tubelet.ingest.grid import TokenGrids
from tubelet.ingest.toy import ToyEncoder
from tubelet.latent import half
from tubelet.latent.linear import Linear
from tubelet.store.statistics import Grid, PerToken


def test_the_modules_in_which_arrays_are_born_are_checked():
    found = find_modules(ROOT)
    assert len(found) > 40 and {name.split(".")[1] for name in found} == set(ROOMS)
    imported = ("tubelet.latent.half", "tubelet.ingest.toy", "tubelet.store.statistics")
    assert all("jaxtyping" in vars(sys.modules[name]) for name in imported)


@pytest.mark.parametrize(
    "call",
    [
        lambda: half.unit(np.zeros((2, 3, 4), np.float32)),
        lambda: half.unit(np.zeros((3, 4))),
        lambda: Linear(np.zeros(3, np.float32), np.zeros((2, 4), np.float32)),
        lambda: ToyEncoder(torch.device("cpu")).encode(torch.zeros(1, 2, 1, 32, 32).byte()),
        lambda: TokenGrids(torch.zeros(1, 1, 2, 2, 4, dtype=torch.float32).numpy()),
    ],
    ids=["a grid for tokens", "float64", "two sizes of D", "gray frames", "NumPy for torch"],
)
def test_a_wrong_array_is_refused_where_it_is_passed(call):
    with pytest.raises(TypeCheckError):
        call()


def test_a_statistic_that_gives_no_number_per_token_is_caught_at_its_first_grid():
    @jaxtyped(typechecker=check_arrays)  # what the hook does to a function of the room
    def summed(grid: Grid) -> PerToken:
        return grid.sum(axis=0)

    with pytest.raises(TypeCheckError, match="the return value of .*summed"):
        summed(np.ones((2, 3, 3, 8), np.float32))


@pytest.mark.long
def test_an_installed_tubelet_needs_no_jaxtyping():
    """`None` in sys.modules makes an import fail, as if the package were not there."""
    program = (
        "import sys; sys.modules['jaxtyping'] = sys.modules['beartype'] = None\n"
        "import numpy as np, tubelet.latent.half as half, tubelet.ingest.toy\n"
        "print(half.unit.__annotations__['return'] is np.ndarray)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "True\n", done.stderr
