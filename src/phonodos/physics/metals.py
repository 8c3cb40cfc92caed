"""Compositions that are likely to be metals, where free electrons screen the dipoles.

What a composition alone can tell: elements that are metals, intermetallics, and the carbides,
nitrides, borides and hydrides of transition metals, most of which conduct. Semiconductors among
them (half-Heusler compounds, ScN) cannot be told apart without their electrons.
"""

from phonodos.physics.crystal import Crystal
from phonodos.physics.elements import element_of

_TRANSITION = frozenset({
    *("Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn"),
    *("Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd"),
    *("Hf", "Ta", "W", "Re", "Os", "Ir", "Pt", "Au", "Hg"),
    *("La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu"),
    *("Ac", "Th", "Pa", "U", "Np", "Pu", "Am", "Cm"),
})  # fmt: skip
_MAIN_GROUP = frozenset({
    *("Li", "Na", "K", "Rb", "Cs", "Fr", "Be", "Mg", "Ca", "Sr", "Ba", "Ra"),
    *("Al", "Ga", "In", "Sn", "Tl", "Pb", "Bi"),
})  # fmt: skip
METALS = _TRANSITION | _MAIN_GROUP
_INTERSTITIAL = {"H": "hydride", "B": "boride", "C": "carbide", "N": "nitride"}


def metallic_family(crystal: Crystal) -> str | None:
    """Return the family of likely metals that a composition belongs to; None if to none.

    One of ``a metal``, ``an intermetallic``, and ``a carbide of transition metals`` with its like
    for borides (of any metal), nitrides and hydrides. Carbides and the like with an alkali or
    alkaline-earth metal are not counted: those are ionic as a rule (Mg2FeH6, LiZnN).
    """
    elements = {element_of(species) for species in crystal.composition}
    rest = elements - METALS
    metals = elements & METALS
    if not metals:
        return None
    if not rest:
        return "a metal" if len(metals) == 1 else "an intermetallic"
    if rest == {"B"}:
        return "a boride of metals alone"
    if rest <= set(_INTERSTITIAL) and metals <= _TRANSITION:
        names = " and ".join(_INTERSTITIAL[symbol] for symbol in sorted(rest))
        return f"a {names} of transition metals"
    return None
