"""An encoder of a store by its name or its id, and what is known of its family."""

from tubelet.store.errors import StoreError
from tubelet.store.ids import ONLY, OUTPUTS
from tubelet.store.store import Store

PREDICTS = "V-JEPA"  # families of which each network comes with a predictor begin so
READS_TEXT = ("SigLIP vision", "CLIP vision", "TIPS v2")  # families trained on captions


def has_predictor(family: str) -> bool:
    """Whether encoders of a family come with a predictor, which `tubelet mask` and `tubelet surprise` run."""
    return family.startswith(PREDICTS)


def has_text(family: str, layer: str) -> bool:
    """Whether tokens of a layer can be compared with texts: those that an encoder trained on captions puts out."""
    return family in READS_TEXT and layer in OUTPUTS


def add_layer(name: str, layer: str, before: str = " at ") -> str:
    """An encoder and its layer, as people call them; an encoder that has but one goes by its name."""
    return name if layer == ONLY else f"{name}{before}{layer}"


def find_encoder(store: Store, wanted: str) -> str:
    """The id of the encoder of that id or name. Raises StoreError where there is none, or several have the name."""
    rows = store.rows("SELECT encoder_id, name FROM encoders ORDER BY encoder_id")
    found = [row["encoder_id"] for row in rows if row["encoder_id"] == wanted] or [
        row["encoder_id"] for row in rows if row["name"] == wanted
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise StoreError(
            f"{len(found)} encoders are called {wanted}: name one of them by its id: {', '.join(found)}"
        )
    held = ", ".join(name_encoders(store).values()) or "none"
    raise StoreError(f"{store.name} holds no encoder {wanted}; its encoders are: {held}")


def name_encoders(store: Store) -> dict[str, str]:
    """What to call each encoder, by id, so that `--encoder` finds it: its name, or its id where several have the name."""
    rows = store.rows(
        "SELECT encoder_id, CASE WHEN count(*) OVER (PARTITION BY name) = 1 THEN name ELSE encoder_id END AS called FROM encoders ORDER BY encoder_id"
    )
    return {row["encoder_id"]: row["called"] for row in rows}
