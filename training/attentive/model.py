"""A trained attentive probe, with the interface of scikit-learn's models."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tubelet.array_types import Float64
from tubelet.latent.probes.tokens import TokenFile
from tubelet.training.attentive.batches import BatchOptions
from tubelet.training.attentive.fitting import FittedProbe
from tubelet.training.attentive.network import answer_all


@dataclass(frozen=True)
class AttentiveModel:
    """`scale` holds the classes, or the mean and standard deviation of the numbers that were learned from."""

    fitted: FittedProbe
    scale: np.ndarray
    reading: BatchOptions

    @property
    def classes_(self) -> np.ndarray:
        return self.scale

    @property
    def attention(self) -> Float64[np.ndarray, "heads D"]:
        """One vector per head, whose products with normalized tokens are the scores of its attention."""
        return self.fitted.probe.attention_vectors().detach().double().cpu().numpy()

    def predict(self, files: Sequence[TokenFile]) -> Float64[np.ndarray, " n"]:
        """Predict numbers."""
        return self._outputs(files)[:, 0] * self.scale[1] + self.scale[0]

    def predict_proba(self, files: Sequence[TokenFile]) -> Float64[np.ndarray, "n k"]:
        """Predict the probabilities of classes."""
        return torch.softmax(torch.from_numpy(self._outputs(files)), dim=1).numpy()

    @torch.inference_mode()
    def _outputs(self, files: Sequence[TokenFile]) -> Float64[np.ndarray, "n k"]:
        found = np.empty((len(files), self.fitted.probe.head.out_features))
        for batch in self.reading.read(files):
            (answers,) = answer_all([self.fitted.probe], batch.tokens)
            found[batch.numbers] = answers.double().cpu().numpy()
        return found
