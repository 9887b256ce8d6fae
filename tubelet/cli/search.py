"""`tubelet search`: slices and patches that look like a text, by an encoder that was trained on captions."""

from typing import TYPE_CHECKING

import click

from tubelet.cli.options import ENCODER_HELP, command, encoder_option, json_option, store_option
from tubelet.cli.printing import print_result
from tubelet.cli.recording import record_job

if TYPE_CHECKING:
    from tubelet.latent.texts.run import Encoded, EncodeText
    from tubelet.store.questions.model_rows import TextEncoder


@command()
@click.argument("text")
@store_option
@encoder_option(help=f"{ENCODER_HELP}  [required if several read texts]")
@click.option("--limit", type=click.IntRange(1, 1000), default=12, show_default=True, help="Slices to list, at most three per video.")  # fmt: skip
@click.option("--where", metavar="SQL", help="Only videos that meet a condition, such as \"tag('odd')\".")  # fmt: skip
@click.option("--model", metavar="DIR|ID", help="Where the model of the encoder is now.  [default: where it was when it encoded the clips]")  # fmt: skip
@json_option
@record_job
def search(
    text: str,
    store: str,
    store_options: dict[str, str],
    encoder: str | None,
    limit: int,
    where: str | None,
    model: str | None,
    as_json: bool,
) -> None:
    """Find the slices that look like a text, and the patch of each that does most: `tubelet search "a red cup" --store STORE`.

    Needs the tokens of an encoder that was trained on captions: SigLIP, SigLIP 2, CLIP, TIPS v2. The text is encoded once and kept (table `texts`); no video is encoded.
    """
    from tubelet.latent.texts.run import search_text
    from tubelet.store import Store
    from tubelet.store.sandbox import conditions

    opened = Store(store, options=store_options)
    videos = None if where is None else conditions.videos(opened, where)
    print_result(search_text(opened, text, encode_with(model), encoder, limit, videos), as_json)


def encode_with(source: str | None) -> "EncodeText":
    """Encodes a text with the model of its encoder, which is loaded where a text is new."""

    def encode(model: "TextEncoder", text: str) -> "Encoded":
        from tubelet.ingest.texts.tower import load_tower
        from tubelet.latent.texts.keeping import HeadWeights
        from tubelet.latent.texts.run import Encoded

        tower = load_tower(source or model.weights_source, model.weights_sha256)
        vector, (weights, settings) = tower.encode(text), tower.read_head()
        head = HeadWeights(kind=tower.kind.head, text_dim=len(vector), weights=weights, settings=settings)  # fmt: skip
        return Encoded(vector, head)

    return encode
