"""What to cite: this program, the network, the data, as BibTeX."""

from phonodos.version import __version__

ENTRIES = {
    "phonodos": f"""@software{{phonodos,
  author  = {{{{The phonodos developers}}}},
  title   = {{phonodos: the phonon density of states of a crystal, straight from its structure}},
  version = {{{__version__}}},
  year    = {{2026}}
}}""",
    "chen2021": """@article{chen2021,
  author  = {Chen, Zhantao and Andrejevic, Nina and Smidt, Tess and Ding, Zhiwei and Xu, Qian
             and Chi, Yen-Ting and Nguyen, Quynh T. and Alatas, Ahmet and Kong, Jing
             and Li, Mingda},
  title   = {Direct Prediction of Phonon Density of States With Euclidean Neural Networks},
  journal = {Advanced Science},
  volume  = {8},
  number  = {12},
  pages   = {2004214},
  year    = {2021},
  doi     = {10.1002/advs.202004214}
}""",
    "petretto2018": """@article{petretto2018,
  author  = {Petretto, Guido and Dwaraknath, Shyam and Miranda, Henrique P. C.
             and Winston, Donald and Giantomassi, Matteo and van Setten, Michiel J.
             and Gonze, Xavier and Persson, Kristin A. and Hautier, Geoffroy
             and Rignanese, Gian-Marco},
  title   = {High-throughput density-functional perturbation theory phonons for inorganic
             materials},
  journal = {Scientific Data},
  volume  = {5},
  pages   = {180065},
  year    = {2018},
  doi     = {10.1038/sdata.2018.65}
}""",
    "phonondb": """@misc{phonondb,
  author = {Togo, Atsushi},
  title  = {{MDR} phonon calculation database (phonondb)},
  doi    = {10.48505/nims.4197}
}""",
}
ROLES = {
    "phonodos": "this program",
    "chen2021": "the network and the 51-point spectrum",
    "petretto2018": "the data chen2021 was trained on",
    "phonondb": "the second data set",
}


def bibtex() -> str:
    """Return every entry in one text, a comment before each that says what it is for."""
    return "\n\n".join(f"% {ROLES[key]}\n{ENTRIES[key]}" for key in ROLES)
