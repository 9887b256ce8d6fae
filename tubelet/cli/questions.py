"""`tubelet ask`: ready questions over the videos of a store."""

import click

from tubelet.cli.options import ENCODER_HELP, command, encoder_option, json_option, store_option
from tubelet.cli.printing import print_result

NAMES = ("duplicates", "leaks", "outliers", "label-first")


@command()
@click.argument("question", type=click.Choice(NAMES))
@store_option
@encoder_option(help=f"{ENCODER_HELP}  [required if the store holds several]")
@click.option(
    "--label",
    metavar="NAME",
    help="Label to check for leaks or outliers; with label-first, videos that already have it count as chosen.  [default: split for leaks]",
)
@click.option(
    "--count",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="Videos to choose with label-first.",
)
@click.option("--where", metavar="SQL", help="Only videos that meet a condition, such as \"tag('odd')\".")  # fmt: skip
@click.option("--tag", metavar="TAG", help="Tag the videos of the result with it.")
@json_option
def ask(
    question: str,
    store: str,
    store_options: dict[str, str],
    encoder: str | None,
    label: str | None,
    count: int,
    where: str | None,
    tag: str | None,
    as_json: bool,
) -> None:
    """Find near-duplicate moments, leaks between splits, outliers of a label, or the videos to label first.

    Each result is shown with its chance level, as on the Corpus page of the dashboard. Runs no encoder.
    """
    from tubelet.latent.corpus_questions import CorpusQuestion
    from tubelet.latent.scope import Scope
    from tubelet.reports.ready_questions import answer_question
    from tubelet.store import Store
    from tubelet.store.annotations import tags
    from tubelet.store.disk import removal

    opened = Store(store, options=store_options)
    if tag is not None:
        tags.check_tag(tag)
    chosen = None if where is None else tuple(removal.choose(opened, "videos", (), where)["videos"])
    asked = CorpusQuestion(
        Scope.of(opened, encoder=encoder).encoder_id,
        chosen,
        label or ("split" if question == "leaks" else ""),
        count,
    )
    answer, video_ids = answer_question(opened, question, asked)
    print_result(answer, as_json)
    if tag is not None and video_ids:
        tagged = tags.add_tag(
            opened, tag, [tags.TagMember(video_id=video_id) for video_id in video_ids]
        )
        click.echo("\n".join(tagged.lines()), err=True)
