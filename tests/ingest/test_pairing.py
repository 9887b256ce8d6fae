"""Which windows are compared: pairs by hand, every overlap in whole slices, few grids that wait, and what cannot be is refused."""

import itertools

import pytest

from tubelet.ingest.errors import UsageError
from tubelet.ingest.pairs import Pairing
from tubelet.ingest.windows import Windowing


def firsts(pairing, windowing, total, kind="shifted"):
    return [
        (pair.a.first, pair.b.first, pair.shift)
        for pair in pairing.pairs(windowing, total)
        if pair.kind == kind
    ]


def test_pairs_by_hand():
    windowing = Windowing(frames=8, step=1, hop=8, tubelet=2)
    assert firsts(Pairing(1, 1), windowing, 82) == [
        (40, 42, 1)
    ]  # ten windows, all of them with a partner: the middle one
    assert firsts(Pairing(1, 1), windowing, 81) == [
        (32, 34, 1)
    ]  # the partner of the last one does not fit
    assert firsts(Pairing(3, 3), windowing, 86) == [(8, 14, 3), (40, 46, 3), (64, 70, 3)]
    assert firsts(Pairing(1, 99), windowing, 27) == [(0, 2, 1), (8, 10, 1), (16, 18, 1)]
    assert firsts(Pairing(1, 1), windowing, 9) == []
    assert firsts(Pairing(1, 1), Windowing(frames=8, step=3, hop=24, tubelet=2), 30) == [(0, 6, 1)]
    assert firsts(Pairing(1, 1), windowing, 82, "disjoint") == [(40, 48, 4)]
    assert firsts(Pairing(1, 1), windowing, 15, "disjoint") == []
    assert firsts(Pairing(1, 1), Windowing(frames=8, step=1, hop=3, tubelet=2), 40, "disjoint") == [
        (15, 24, 4)
    ]
    assert firsts(Pairing(1, 1), windowing, 18, "disjoint") == [(0, 8, 4)]


@pytest.mark.parametrize("frames,step,hop", [(4, 1, 2), (8, 1, 2), (8, 1, 3), (8, 2, 4), (6, 1, 1)])
def test_all_pairs_are_every_overlap_in_whole_slices(frames, step, hop):
    windowing = Windowing(frames=frames, step=step, hop=hop, tubelet=2)
    pairing = Pairing.parse(None, "all", windowing)
    for total in range(40):
        grid = windowing.windows(total)
        expected = {
            (a.first, b.first, (b.first - a.first) // (2 * step))
            for a, b in itertools.combinations(grid, 2)
            if (b.first - a.first) % (2 * step) == 0 and len(set(a.indices) & set(b.indices)) >= 2
        }
        assert set(firsts(pairing, windowing, total)) == expected


@pytest.mark.parametrize("pairs", ["1", "2", "5", "all"])
@pytest.mark.parametrize(
    "frames,step,hop,shift", [(4, 1, 4, 1), (8, 1, 2, 2), (8, 2, 4, 3), (8, 1, 3, 1)]
)
def test_no_more_grids_wait_for_their_partner_than_stated(pairs, frames, step, hop, shift):
    windowing = Windowing(frames=frames, step=step, hop=hop, tubelet=2)
    pairing = (
        Pairing.parse(None if pairs == "all" else shift, pairs, windowing)
        if pairs != "all" or hop < frames * step
        else Pairing(shift, 4)
    )
    for total in range(0, 70, 3):
        chosen = pairing.pairs(windowing, total)
        order = sorted(
            {(w.first, w) for pair in chosen for w in (pair.a, pair.b)}, key=lambda item: item[0]
        )
        for position in range(len(order)):
            done = {window for _, window in order[: position + 1]}
            waiting = {pair.a for pair in chosen if pair.a in done and pair.b not in done}
            assert len(waiting) <= pairing.count_held(windowing)


@pytest.mark.parametrize(
    "shift,pairs,windowing,words",
    [
        (0, None, Windowing(frames=16, step=1, hop=16, tubelet=2), "by 1 to 7 of them; --pairs 0"),
        (8, None, Windowing(frames=16, step=1, hop=16, tubelet=2), "by 1 to 7 of them"),
        (1, "all", Windowing(frames=16, step=1, hop=8, tubelet=2), "leave --shift out"),
        (None, "all", Windowing(frames=16, step=1, hop=16, tubelet=2), "use a smaller --stride"),
        (None, "all", Windowing(frames=4, step=1, hop=3, tubelet=2), "best a multiple of 2 frames"),
        (None, "many", Windowing(frames=16, step=1, hop=16, tubelet=2), "is not a number of pairs"),
        (
            1,
            None,
            Windowing(frames=16, step=1, hop=16, tubelet=1),
            "an image encoder sees one frame",
        ),
        (None, "2", Windowing(frames=2, step=1, hop=2, tubelet=2), "shares none when it shifts"),
    ],
)
def test_pairs_that_cannot_be_are_refused_with_what_to_do(shift, pairs, windowing, words):
    with pytest.raises(UsageError, match=words):
        Pairing.parse(shift, pairs, windowing)


def test_where_no_pair_is_possible_none_is_measured_unless_asked_for():
    for windowing in (
        Windowing(frames=16, step=1, hop=16, tubelet=1),
        Windowing(frames=2, step=1, hop=2, tubelet=2),
        Windowing(frames=1, step=1, hop=1, tubelet=2),
    ):
        assert (
            Pairing.parse(None, None, windowing) == Pairing()
            and Pairing.parse(None, "0", windowing).count == 0
        )
    assert Pairing.parse(None, None, Windowing(frames=16, step=1, hop=16, tubelet=2)) == Pairing(
        1, 1
    )
