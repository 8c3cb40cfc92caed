"""Formulas as chemists write them: PbTiO3 and CH4, not TiPbO3 and H4C.

No rule of one property gives them: electronegativity puts titanium before lead and hydrogen before
carbon. The sequence below is what inorganic chemistry writes: alkali metals, alkaline earths, large
cations of low charge, lanthanides and actinides, transition metals from those that give up few
electrons to those that give up many, the metals of the p block; then the others in the order of the
IUPAC recommendations of 2005 (table VI), in which carbon and nitrogen stand before hydrogen. In the
salts of oxygen acids hydrogen stands before the acid's element: KH2PO4.
"""

import re
from html import escape

METALS = (
    "Fr Cs Rb K Na Li Ra Ba Sr Ca Eu Yb La Ce Pr Nd Pm Sm Gd Tb Dy Ho Er Tm Lu Y Sc "
    "Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Tl Ag Pb Mg Be Cu Hg Cd Zn Bi Mn Co Ni Fe Cr V "
    "Zr Hf Ti Ta Nb Mo W Tc Re Ru Os Rh Ir Pd Pt Au Al In Ga Sn"
)
OTHERS = "Rn Xe Kr Ar Ne He B Ge Si C Sb As P N H Po Te Se S At I Br Cl O F"
PLACES = {symbol: place for place, symbol in enumerate(f"{METALS} {OTHERS}".split())}
FIRST_OTHER = len(METALS.split())
TERM = re.compile(r"([A-Z][a-z]?(?:\[[\d.]+\])?)(\d+(?:\.\d+)?)?")


def as_written(formula: str) -> str:
    """Return a formula with its elements in the order in which chemists write them.

    Isotopes stand where their element does (``D2O``). Text that is no formula is returned as it is.
    """
    terms = TERM.findall(formula)
    if not terms or "".join(symbol + count for symbol, count in terms) != formula:
        return formula
    held = {_element(symbol) for symbol, _ in terms}
    metallic = any(PLACES.get(symbol, FIRST_OTHER) < FIRST_OTHER for symbol in held)
    acidic = metallic and {"H", "O"} < held and bool(held & {"B", "C", "N", "P", "S", "Se", "As"})

    def place(term: tuple[str, str]) -> float:
        element = _element(term[0])
        if element == "H" and acidic:
            return FIRST_OTHER - 0.5
        return PLACES.get(element, len(PLACES))

    return "".join(symbol + count for symbol, count in sorted(terms, key=place))


def in_html(formula: str) -> str:
    """Return a formula with its numbers as subscripts of HTML; text that is none, escaped."""
    terms = TERM.findall(formula)
    if not terms or "".join(symbol + count for symbol, count in terms) != formula:
        return escape(formula)
    return "".join(symbol + (f"<sub>{count}</sub>" if count else "") for symbol, count in terms)


def _element(symbol: str) -> str:
    return {"D": "H", "T": "H"}.get(symbol, symbol.partition("[")[0])
