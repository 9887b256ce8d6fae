"""The table of released weights: every one traceable, of a size that follows from its network, and with a place of its own in the cache."""

import pytest

from tubelet.ingest import encoders
from tubelet.ingest.encoders import ENCODERS
from tubelet.ingest.networks.vjepa import VARIANTS
from tubelet.ingest.vjepa_rows import _empty
from tubelet.ingest.weights.cache import CachedRelease
from tubelet.ingest.weights.release import RELEASES, Release


def test_names_in_the_cache_never_collide_on_a_disk_that_ignores_case() -> None:
    places = [CachedRelease(release) for release in RELEASES.values()]
    names = [
        path.name
        for place in places
        for path in (place.weights, place.record, place.part, place.lock)
    ]
    assert len({name.lower() for name in names}) == len(names) == 4 * len(RELEASES)
    assert all(name == name.lower() for name in names)
    assert len({name.lower() for name in RELEASES}) < len(RELEASES), (
        "vitg and vitG are what this test is about"
    )


def test_case_is_never_guessed() -> None:
    with pytest.raises(
        encoders.UsageError,
        match="VITG is unknown: names are case-sensitive: did you mean vjepa2.1-vitg or vjepa2.1-vitG",
    ):
        encoders.row("vjepa2.1-VITG")


@pytest.mark.parametrize("name", ["", "x" * 300 + "/y", "a/" + "b" * 300, "a\0b", "/" + "c" * 5000])
def test_what_no_directory_and_no_id_can_be_called_is_unknown(name: str) -> None:
    with pytest.raises(encoders.UsageError, match="is unknown: choose one of"):
        encoders.row(name)


@pytest.mark.parametrize("release", RELEASES.values(), ids=list(RELEASES))
def test_every_release_is_traceable(release: Release) -> None:
    assert release.url.startswith("https://") and release.key in ("ema_encoder", "target_encoder")
    assert release.licence and release.kept < 1.01 * release.download
    assert release.repository is None or release.repository.startswith("facebook/")
    assert (release.repository is None) == release.file.endswith((".pt", ".pth.tar"))
    row = ENCODERS[release.name]
    table = sum(
        tensor.numel() for tensor in _empty(VARIANTS[release.name].encoder).buffers()
    )  # of V-JEPA 1, in its file and not trained
    assert (row.supply.licence, row.supply.download_bytes) == (
        release.licence,
        release.download,
    ) and row.parameters + table == release.encoder


def test_sizes_follow_from_the_parameters() -> None:
    """Against what was measured or stated of the files: 1.66, 5.15, 16.9 and 30.2 GB."""
    assert [round(RELEASES[f"vjepa2.1-vit{size}"].download / 1e9, 1) for size in "blgG"] == [
        1.7,
        5.2,
        16.9,
        30.2,
    ]
    with pytest.raises(ValueError, match="is not an address"):
        Release(name="x", url="weights.pt", key="ema_encoder", encoder=1, predictor=1, licence="")


@pytest.mark.parametrize(
    "written",
    [
        "https://huggingface.co/{}",
        "hf://{}",
        "{}/",
        " huggingface.co/{} ",
    ],
)
def test_the_address_of_a_model_is_answered_with_its_id(written: str) -> None:
    name = "facebook/vjepa2-vith-fpc64-256"
    with pytest.raises(encoders.UsageError, match=f"is unknown: did you mean {name}\\?"):
        encoders.row(written.format(name))
    with pytest.raises(encoders.UsageError, match=f"did you mean {name}\\?"):
        encoders.row("vjepa2-vith-fpc64-256")
