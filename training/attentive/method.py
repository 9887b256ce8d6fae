"""The kind `attentive` of `tubelet probe`."""

from collections.abc import Callable

from tubelet.ingest.encoders import device
from tubelet.latent.probes.method import Data, Method
from tubelet.latent.probes.options import NUMBERS, ProbeOptions
from tubelet.latent.probes.tokens import count_token_clips, find_token_places, read_token_files
from tubelet.store.wording import count
from tubelet.training.attentive.batches import BatchOptions
from tubelet.training.attentive.fitting import (
    ClipExamples,
    ProbeRecipe,
    encode_targets,
    fit,
    hold_back,
)
from tubelet.training.attentive.model import AttentiveModel


def make_method(options: ProbeOptions, say: Callable[[str], None] = lambda line: None) -> Method:
    """`say` is called for each probe that is trained. Raises UsageError for a device that is not there."""
    reading = BatchOptions(options.batch, device(options.device))
    recipe = ProbeRecipe(options.learning_rates, options.epochs, reading)

    def train(kind: str, task: str, data: Data, seed: int) -> tuple[AttentiveModel, float]:
        files, values, groups = data
        targets, scale = encode_targets(task, values)
        examples = ClipExamples(files, targets, 1 if task == NUMBERS else len(scale))
        found = fit(examples, hold_back(task, values, groups, seed), recipe, seed)
        say(
            f"trained on {count(len(files), 'clip')}: learning rate {found.rate:g}, {count(found.epochs, 'epoch')}, loss {found.loss:.3f} on clips held back"
        )
        return AttentiveModel(found, scale, reading), found.rate

    return Method(find_token_places, count_token_clips, read_token_files, train)
