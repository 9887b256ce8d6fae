"""Legends: what the colors of categories and of numbers mean."""

from collections.abc import Sequence

from tubelet.dashboard import units
from tubelet.dashboard.components.player import Swatch
from tubelet.latent.categories import Categories
from tubelet.latent.colors import OTHER, PALETTE


def name_categories(categories: Categories) -> tuple[Swatch, ...]:
    """The categories that have a color of their own, the commonest first, and the gray of all others."""
    named = [
        Swatch(name, f"rgb({red:d} {green:d} {blue:d})")
        for name, (red, green, blue) in zip(categories.names, PALETTE.tolist())
    ]
    if categories.others:
        red, green, blue = OTHER
        named.append(
            Swatch(f"other ({units.number(categories.others)})", f"rgb({red:d} {green:d} {blue:d})")
        )
    return tuple(named)


def name_range(
    name: str, limits: tuple[float, float] | None, ramp: Sequence[Sequence[float]]
) -> tuple[Swatch, ...]:
    """A number's colors from its lower to its upper quantile; none where no video has the number."""
    if limits is None:
        return ()
    stops = ", ".join(f"rgb({red:.0f} {green:.0f} {blue:.0f})" for red, green, blue in ramp)
    text = f"{name}: {limits[0]:.4g} to {limits[1]:.4g}"
    return (Swatch(text, f"linear-gradient(90deg, {stops})"),)
