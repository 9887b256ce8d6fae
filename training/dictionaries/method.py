"""The kind `sae` of `tubelet basis fit`."""

from collections.abc import Callable, Iterator

import numpy as np

from tubelet.ingest.encoders import device
from tubelet.latent.dictionary import Dictionary
from tubelet.latent.dictionary_fit import Asked, Train
from tubelet.training.dictionaries.training import DictionaryRecipe, train_dictionary

RATE = 0.0226  # over the square root of the dimensions
TOLD = 10  # messages


def make_trainer(name: str, say: Callable[[str], None] = lambda line: None) -> Train:
    """Make a trainer on the named device; `say` receives the progress. Raises UsageError for a device that is not there."""
    chosen = device(name)

    def train(asked: Asked) -> Dictionary:
        options = asked.options
        recipe = DictionaryRecipe(
            features=asked.features,
            active=options.active,
            steps=options.steps,
            rate=RATE / asked.first.shape[1] ** 0.5,
            seed=asked.seed,
            device=chosen,
        )
        return train_dictionary(_count(asked.batches, options.steps, say), asked.first, recipe)

    return train


def _count(
    batches: Iterator[np.ndarray], steps: int, say: Callable[[str], None]
) -> Iterator[np.ndarray]:
    """The batches of all steps, telling now and then how many there were."""
    every = max(1, steps // TOLD)
    for step in range(1, steps + 1):
        if step % every == 0:
            say(f"step {step:,} of {steps:,}")
        yield next(batches)
