/** Colours (Jmol), covalent radii [A] (Cordero et al., Dalton Trans. 2008, 2832) and names, for drawing alone. */
const TABLE = `
H ffffff 0.31 Hydrogen
He d9ffff 0.28 Helium
Li cc80ff 1.28 Lithium
Be c2ff00 0.96 Beryllium
B ffb5b5 0.84 Boron
C 909090 0.76 Carbon
N 3050f8 0.71 Nitrogen
O ff0d0d 0.66 Oxygen
F 90e050 0.57 Fluorine
Ne b3e3f5 0.58 Neon
Na ab5cf2 1.66 Sodium
Mg 8aff00 1.41 Magnesium
Al bfa6a6 1.21 Aluminium
Si f0c8a0 1.11 Silicon
P ff8000 1.07 Phosphorus
S ffff30 1.05 Sulfur
Cl 1ff01f 1.02 Chlorine
Ar 80d1e3 1.06 Argon
K 8f40d4 2.03 Potassium
Ca 3dff00 1.76 Calcium
Sc e6e6e6 1.70 Scandium
Ti bfc2c7 1.60 Titanium
V a6a6ab 1.53 Vanadium
Cr 8a99c7 1.39 Chromium
Mn 9c7ac7 1.39 Manganese
Fe e06633 1.32 Iron
Co f090a0 1.26 Cobalt
Ni 50d050 1.24 Nickel
Cu c88033 1.32 Copper
Zn 7d80b0 1.22 Zinc
Ga c28f8f 1.22 Gallium
Ge 668f8f 1.20 Germanium
As bd80e3 1.19 Arsenic
Se ffa100 1.20 Selenium
Br a62929 1.20 Bromine
Kr 5cb8d1 1.16 Krypton
Rb 702eb0 2.20 Rubidium
Sr 00ff00 1.95 Strontium
Y 94ffff 1.90 Yttrium
Zr 94e0e0 1.75 Zirconium
Nb 73c2c9 1.64 Niobium
Mo 54b5b5 1.54 Molybdenum
Tc 3b9e9e 1.47 Technetium
Ru 248f8f 1.46 Ruthenium
Rh 0a7d8c 1.42 Rhodium
Pd 006985 1.39 Palladium
Ag c0c0c0 1.45 Silver
Cd ffd98f 1.44 Cadmium
In a67573 1.42 Indium
Sn 668080 1.39 Tin
Sb 9e63b5 1.39 Antimony
Te d47a00 1.38 Tellurium
I 940094 1.39 Iodine
Xe 429eb0 1.40 Xenon
Cs 57178f 2.44 Caesium
Ba 00c900 2.15 Barium
La 70d4ff 2.07 Lanthanum
Ce ffffc7 2.04 Cerium
Pr d9ffc7 2.03 Praseodymium
Nd c7ffc7 2.01 Neodymium
Pm a3ffc7 1.99 Promethium
Sm 8fffc7 1.98 Samarium
Eu 61ffc7 1.98 Europium
Gd 45ffc7 1.96 Gadolinium
Tb 30ffc7 1.94 Terbium
Dy 1fffc7 1.92 Dysprosium
Ho 00ff9c 1.92 Holmium
Er 00e675 1.89 Erbium
Tm 00d452 1.90 Thulium
Yb 00bf38 1.87 Ytterbium
Lu 00ab24 1.87 Lutetium
Hf 4dc2ff 1.75 Hafnium
Ta 4da6ff 1.70 Tantalum
W 2194d6 1.62 Tungsten
Re 267dab 1.51 Rhenium
Os 266696 1.44 Osmium
Ir 175487 1.41 Iridium
Pt d0d0e0 1.36 Platinum
Au ffd123 1.36 Gold
Hg b8b8d0 1.32 Mercury
Tl a6544d 1.45 Thallium
Pb 575961 1.46 Lead
Bi 9e4fb5 1.48 Bismuth
Po ab5c00 1.40 Polonium
At 754f45 1.50 Astatine
Rn 428296 1.50 Radon
Fr 420066 2.60 Francium
Ra 007d00 2.21 Radium
Ac 70abfa 2.15 Actinium
Th 00baff 2.06 Thorium
Pa 00a1ff 2.00 Protactinium
U 008fff 1.96 Uranium
Np 0080ff 1.90 Neptunium
Pu 006bff 1.87 Plutonium
Am 545cf2 1.80 Americium
Cm 785ce3 1.69 Curium
Bk 8a4fe3 2.00 Berkelium
Cf a136d4 2.00 Californium
Es b31fd4 2.00 Einsteinium
Fm b31fba 2.00 Fermium
Md b30da6 2.00 Mendelevium
No bd0d87 2.00 Nobelium
Lr c70066 2.00 Lawrencium
`;

export interface Element {
  number: number;
  symbol: string;
  colour: string;
  radius: number;
  name: string;
}

export const ELEMENTS: Element[] = TABLE.trim()
  .split("\n")
  .map((line, k) => {
    const [symbol, colour, radius, ...name] = line.split(" ");
    return { number: k + 1, symbol, colour: `#${colour}`, radius: Number(radius), name: name.join(" ").toLowerCase() };
  });

const BY_SYMBOL = new Map(ELEMENTS.map((each) => [each.symbol, each]));
const UNKNOWN: Element = { number: 0, symbol: "?", colour: "#999999", radius: 1.5, name: "unknown" };

export function element(symbol: string): Element {
  return BY_SYMBOL.get(symbol) ?? { ...UNKNOWN, symbol };
}

/** Row and column (both from 1) of the long form with the f block below. */
export function place(number: number): [number, number] {
  if (number === 1) return [1, 1];
  if (number === 2) return [1, 18];
  const starts = [3, 11, 19, 37, 55, 87];
  let row = 0;
  while (row + 1 < starts.length && number >= starts[row + 1]) row += 1;
  const k = number - starts[row];
  if (row < 2) return [row + 2, k < 2 ? k + 1 : k + 11];
  if (row < 4) return [row + 2, k + 1];
  if (k < 3) return [row + 2, k + 1];
  if (k < 17) return [row + 5, k + 1];
  return [row + 2, k - 13];
}
