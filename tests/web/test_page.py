"""The page in a real browser: what a chemist does in the first minutes."""

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
Opened = Callable[..., Any]
DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  document.querySelector('.drop').dispatchEvent(
    new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


def drop(visit: Any, name: str, text: str) -> None:
    """Drop a file on the first place for files."""
    visit.page.evaluate(DROP, [name, text])


def predicted(visit: Any, service: str, file: str = "NaCl.cif") -> Any:
    """Return the page with the prediction of an example."""
    visit.page.goto(service)
    visit.page.wait_for_selector(".drop")
    drop(visit, file, (EXAMPLES / file).read_text())
    visit.page.wait_for_selector("#dos")
    return visit.page


def value(page: Any, selector: str) -> float:
    """Return the number that is shown somewhere, without its deviation."""
    text = page.locator(f"{selector} .value").first.inner_text()
    return float(text.split("±")[0].replace("\u2212", "-"))


def slide(page: Any, selector: str, place: int) -> None:
    """Put a slider to a place, as a finger does."""
    page.eval_on_selector(
        selector,
        "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})) }",
        place,
    )


def test_a_dropped_cif_becomes_all_that_is_known_of_it(visit: Any, service: str) -> None:
    page = predicted(visit, service)
    assert page.locator("h1").inner_text().replace("\n", "") == "NaCl"
    assert page.locator("[data-verdict]").get_attribute("data-verdict") == "stable"
    for part in ("#dos svg path", "#thermal svg path", "#bands svg path"):
        drawn = page.locator(part).first.get_attribute("d")
        assert drawn.count("L") + drawn.count("C") > 20, part
    assert "NaN" not in page.content()
    assert page.locator("#modes tbody tr").count() == 2  # acoustic and optic
    assert "mol of formula units" in page.locator("[data-quantity=heat_capacity]").inner_text()
    assert "±" in page.locator("[data-quantity=heat_capacity]").inner_text()
    assert "90 % interval" in page.locator("[data-key=heat_capacity]").inner_text()
    ink = page.evaluate(
        """() => { const c = document.querySelector('.cell canvas');
          const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
          let n = 0; for (let k = 3; k < d.length; k += 4) n += d[k] > 0; return n }"""
    )
    assert ink > 5000  # atoms, bonds and edges
    assert "#s=" in page.url


def test_numbers_follow_temperature_unit_and_basis(visit: Any, service: str) -> None:
    page = predicted(visit, service)
    warm = value(page, "[data-quantity=heat_capacity]")
    slide(page, "#temperature", 10)
    page.wait_for_selector("[data-testid=kelvin]:text-is('100 K')")
    assert value(page, "[data-quantity=heat_capacity]") < 0.8 * warm
    per_formula = value(page, "[data-quantity=heat_capacity]")
    page.locator(".choice input[value=atom]").check()
    assert value(page, "[data-quantity=heat_capacity]") == pytest.approx(per_formula / 2, rel=2e-3)
    assert "mol of atoms" in page.locator("[data-quantity=heat_capacity]").inner_text()
    wavenumber = value(page, "[data-key=mean_frequency]")
    page.locator(".choice input[value=meV]").check()
    assert value(page, "[data-key=mean_frequency]") == pytest.approx(
        0.1239842 * wavenumber, rel=2e-3
    )
    assert "meV" in page.locator("#dos .axis").first.text_content()


def test_a_stretch_of_a_spectrum_is_enlarged(visit: Any, service: str) -> None:
    page = predicted(visit, service)
    labels = page.locator("#dos .axis").first.text_content()
    box = page.locator("#dos svg").first.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.4 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], middle, steps=3)
    page.mouse.up()
    page.get_by_role("button", name="Whole range").wait_for()
    assert page.locator("#dos .axis").first.text_content() != labels
    page.get_by_role("button", name="Whole range").click()
    assert page.locator("#dos .axis").first.text_content() == labels


def test_a_mode_moves_in_the_cell(visit: Any, service: str) -> None:
    page = predicted(visit, service)
    page.locator("#modes tbody button").last.click()
    page.wait_for_selector(".mode-bar")
    shot = "document.querySelector('.cell canvas').toDataURL()"
    first = page.evaluate(shot)
    page.wait_for_function(f"(before) => {shot} !== before", arg=first)
    page.get_by_role("button", name="Stop").click()
    assert page.locator(".mode-bar").count() == 0


def test_nothing_moves_for_who_asked_for_rest(opened: Opened, service: str) -> None:
    visit = opened(reduced_motion="reduce")
    page = predicted(visit, service)
    page.locator("#modes tbody button").last.click()
    assert page.locator(".mode-bar button").first.inner_text() == "Play"


def test_isotopes_are_heard(visit: Any, service: str) -> None:
    page = predicted(visit, service)
    light = value(page, "[data-key=max_frequency]")
    page.get_by_label("Isotopes").fill("Cl=Cl37")
    page.get_by_role("button", name="Predict again", exact=True).click()
    shown = "document.querySelector('[data-key=max_frequency]').innerText"
    page.wait_for_function(f"(before) => !{shown}.includes(before)", arg=f"{light:.1f}")
    assert value(page, "[data-key=max_frequency]") < light


def test_assumptions_are_of_one_crystal(visit: Any, service: str) -> None:
    """Isotopes and metal, once said, hold for no other crystal; a link carries them."""
    page = predicted(visit, service)
    page.get_by_label("Isotopes").fill("Cl=Cl37")
    page.get_by_label("It is a metal").check()
    page.get_by_role("button", name="Predict again", exact=True).click()
    command = page.get_by_role("region", name="The same in a terminal")
    command.get_by_text("--isotope Cl=Cl37").wait_for()
    assert "--metal" in command.inner_text()
    page.wait_for_url("**isotopes=*")
    link = page.url
    drop(visit, "Si.cif", (EXAMPLES / "Si.cif").read_text())
    page.locator("h1", has_text=re.compile("^Si$")).wait_for()
    told = command.inner_text()
    assert "--metal" not in told
    assert "--isotope" not in told
    assert not page.get_by_label("It is a metal").is_checked()
    assert page.get_by_label("Isotopes").input_value() == ""
    page.goto(link)
    command.get_by_text("--isotope Cl=Cl37").wait_for()
    assert "--metal" in command.inner_text()
    assert page.get_by_label("It is a metal").is_checked()
    assert page.get_by_label("Isotopes").input_value() == "Cl=Cl37"


def test_weights_without_intervals_say_so(opened: Opened, uncalibrated: str) -> None:
    page = predicted(opened(), uncalibrated)
    page.locator("#dos").get_by_text("No intervals").wait_for()
    assert "\u00b1" not in page.locator("#thermal").inner_text()


def test_other_weights_are_a_click_away(visit: Any, service: str) -> None:
    page = predicted(visit, service)
    page.wait_for_selector("#bands")
    assert page.locator("#dos").get_by_text("No intervals").count() == 0
    page.get_by_label("Weights").select_option("chen2021")
    page.get_by_role("button", name="Predict again", exact=True).click()
    page.wait_for_selector("#bands", state="detached")  # a network of spectra has none
    page.wait_for_selector("#dos")
    assert page.locator("#dos").get_by_text("No intervals").count() == 0


def test_slider_of_an_alloy(visit: Any, service: str) -> None:
    page = predicted(visit, service)
    page.locator("#alloy select").nth(0).select_option("Na")
    page.locator("#alloy select").nth(1).select_option("K")
    page.get_by_role("button", name="Predict the alloy").click()
    # All eleven compositions: with those of the first round alone the fourth place is an end.
    page.wait_for_selector("#share[max='10']")
    half = value(page, "[data-alloy='Mean frequency']")
    slide(page, "#share", 0)
    page.wait_for_selector("#alloy output b:text-is('x = 0')")
    assert value(page, "[data-alloy='Mean frequency']") != half
    sure = "[data-alloy='{}'] small"
    for name in ("Mean frequency", "Heat capacity C_V"):
        assert page.locator(sure.format(name)).inner_text().startswith("90 % interval: ")
    assert page.locator(sure.format("Entropy S")).count() == 0
    page.locator("#alloy input[value=vca]").check()
    slide(page, "#share", 3)
    page.locator("[data-alloy='Mean frequency']").get_by_text(
        "no interval: averaged force constants"
    ).wait_for()


def test_an_alloy_with_a_second_file(visit: Any, service: str) -> None:
    page = predicted(visit, service, "Mg3Sb2.cif")
    page.locator("#alloy input[value=second]").check()
    page.locator("#alloy input[type=file]").set_input_files(EXAMPLES / "Mg3Bi2.cif")
    page.get_by_role("button", name="Predict the alloy").click()
    page.wait_for_selector("[data-testid=alloy]")
    assert "Mg3Bi2" in page.locator("#alloy .keys").first.inner_text().replace("\n", "")
    page.locator("#alloy input[type=file]").set_input_files(EXAMPLES / "Si.cif")
    page.get_by_role("button", name="Predict the alloy").click()
    page.locator("#alloy [role=alert]").wait_for()
    assert page.locator("[data-testid=alloy]").count() == 0  # that of another end member is gone
    dropped = """(field) => field.dispatchEvent(new DragEvent('drop', {bubbles: true,
      cancelable: true, dataTransfer: new DataTransfer()}))"""
    assert page.locator("#alloy input[type=file]").evaluate(dropped)  # left to the field itself


def test_a_reference_lies_beside_the_prediction(visit: Any, service: str, tmp_path: Path) -> None:
    page = predicted(visit, service)
    file = tmp_path / "measured.csv"
    rows = (f"{w},{(w / 250) ** 2 * (w < 250)}" for w in range(0, 300, 5))
    file.write_text("frequency [cm-1],intensity\n" + "\n".join(rows))
    page.locator("#compare input[type=file]").set_input_files(file)
    page.wait_for_selector("[data-testid=comparison]")
    assert "Wasserstein distance" in page.locator("[data-testid=comparison]").inner_text()


def test_what_is_taken_away(visit: Any, service: str) -> None:
    page = predicted(visit, service)
    text = page.locator("#take").inner_text()
    assert "phonodos predict" in text
    assert "import phonodos" in text
    with page.expect_download() as waiting:
        page.get_by_role("button", name="All files (zip)").click()
    with zipfile.ZipFile(waiting.value.path()) as archive:
        assert any(name.endswith("total_dos.dat") for name in archive.namelist())
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Record (JSON)").click()
    held = json.loads(Path(waiting.value.path()).read_text())
    assert held["format"] == "phonodos-report"
    link = page.url
    page.goto("about:blank")
    visit.asked.remove("about:blank") if "about:blank" in visit.asked else None
    page.goto(link)  # the structure is in the link
    page.wait_for_selector("#dos")
    assert page.locator("h1").inner_text() == "NaCl"


@pytest.mark.parametrize(
    ("name", "text"), [("<img src=x onerror=alert(1)>.cif", "no structure"), ("POSCAR", "")]
)
def test_a_bad_file_is_told_with_reason_and_cure(
    visit: Any, service: str, name: str, text: str
) -> None:
    visit.page.goto(service)
    visit.page.wait_for_selector(".drop")
    drop(visit, name, text)
    told = visit.page.locator("[role=alert]")
    told.wait_for()
    assert "Why" in told.inner_text()
    assert "What to do" in told.inner_text()
    assert visit.page.locator("img").count() == 0
    drop(visit, "NaCl.cif", (EXAMPLES / "NaCl.cif").read_text())
    visit.page.wait_for_selector("#dos")  # and the page goes on


def test_many_crystals_become_a_table(visit: Any, service: str, tmp_path: Path) -> None:
    file = tmp_path / "crystals.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("NaCl", "Si", "MgO"):
            archive.write(EXAMPLES / f"{name}.cif", f"{name}.cif")
        archive.writestr("broken.cif", "data_x\n_cell_length_a nonsense\n")
    page = visit.page
    page.goto(service + "#jobs")
    page.locator(".drop input").set_input_files(file)
    page.wait_for_selector("text=/4 of 4/")
    assert "in crystals.zip, broken.cif" in " ".join(page.locator(".failures").inner_text().split())
    page.wait_for_selector(".results tbody tr >> nth=3")
    column = page.locator("thead button", has_text="formula").first
    for direction in ("ascending", "descending"):
        column.click()
        page.wait_for_selector(f"th[aria-sort={direction}]")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    assert "NaCl" in Path(waiting.value.path()).read_text()


FRAME = """1
Lattice="2 0 0 0 2 0 0 0 2" Properties=species:S:1:pos:R:3
Po 0 0 0
"""


def test_several_frames_become_a_job_that_can_be_ended(visit: Any, service: str) -> None:
    visit.page.goto(service)
    visit.page.wait_for_selector(".drop")
    drop(visit, "run.extxyz", 2 * FRAME)
    visit.page.wait_for_selector(".job-state")
    assert "#jobs/" in visit.page.url
    visit.page.locator(".card-head button").first.click()
    visit.page.wait_for_selector(".drop.big")
    assert visit.page.url.endswith("#jobs")


def test_a_job_is_watched_again_after_a_lost_connection(visit: Any, service: str) -> None:
    page = visit.page
    page.goto(service + "#jobs")
    lost: list[str] = []

    def answer(route: Any) -> None:
        if len(lost) < 2:
            lost.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.route(re.compile(r"/jobs/[^/]+$"), answer)
    files = [EXAMPLES / "NaCl.cif", EXAMPLES / "Si.cif"]
    page.locator(".drop input").set_input_files(files)
    page.wait_for_selector("text=/2 of 2/")
    assert len(lost) == 2
    assert page.locator("[role=alert]").count() == 0
    page.goto(service + "#jobs/%zz")  # no address that anybody was given
    page.get_by_role("alert").wait_for()
    visit.complaints[:] = [text for text in visit.complaints if "ERR_FAILED" not in text]


def test_parts_that_take_too_long_leave_the_rest(visit: Any, service: str) -> None:
    late = {"title": "too slow", "detail": "30 s were not enough", "fix": "use the command line"}
    asked: list[str] = []

    def answer(route: Any) -> None:
        asked.append(route.request.post_data)
        if "bands" in asked[-1]:
            route.fulfill(status=504, content_type="application/problem+json", json=late)
        else:
            route.continue_()

    visit.page.route("**/predict", answer)
    page = predicted(visit, service)
    assert len(asked) == 2
    told = [page.locator(".missing").nth(k).inner_text() for k in range(3)]
    assert all("30 s were not enough" in text for text in told)
    assert page.locator("[data-quantity=entropy]").count() == 1
    assert page.locator("#bands, #modes").count() == 0


def test_the_model_and_its_elements(visit: Any, service: str) -> None:
    page = visit.page
    page.goto(service + "#models")
    page.wait_for_selector(".periodic")
    assert page.locator(".periodic button").count() == 103
    page.get_by_role("button", name="oxygen").focus()
    page.keyboard.press("ArrowRight")
    assert "fluorine" in page.locator(".models .reading").inner_text()
    assert "training crystals" in page.locator(".models .reading").inner_text()
    assert page.locator(".prose summary").count() > 2


def test_a_phone(opened: Opened, service: str) -> None:
    visit = opened(phone=True, has_touch=True, is_mobile=True)
    page = predicted(visit, service, "Cu0.7Au0.3.cif")
    assert visit.overflow() <= 0
    assert "reasons for doubt" in page.locator("[data-verdict]").inner_text()
    assert "Not made" in page.locator(".missing").first.inner_text()
    for view in ("#jobs", "#models", "#"):
        page.goto(service + view)
        page.wait_for_selector(".hero")
        page.wait_for_timeout(100)
        assert visit.overflow() <= 0, view


def test_the_keyboard_is_enough(visit: Any, service: str) -> None:
    page = visit.page
    page.goto(service)
    page.wait_for_selector(".examples button")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator(".examples button").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#dos")
    page.locator("#dos svg").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#dos .pointer", state="attached")
    assert "states/cm" in page.locator("#dos .reading").inner_text()
    page.keyboard.press("+")
    page.get_by_role("button", name="Whole range").focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("button", name="Whole range").count() == 0
    page.locator(".cell canvas").focus()
    before = page.evaluate("document.querySelector('.cell canvas').toDataURL()")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "(b) => document.querySelector('.cell canvas').toDataURL() !== b", arg=before
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_bars_anybody(opened: Opened, service: str, scheme: str) -> None:
    """Axe finds no violation on any view; in dark, where only colours differ, it looks at those."""
    sync = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe")
    visit = opened(color_scheme=scheme, reduced_motion="reduce")
    page = visit.page
    found: dict[str, Any] = {}
    rules = {"runOnly": ["color-contrast"]} if scheme == "dark" else None
    page.goto(service)
    page.wait_for_selector(".examples button")
    found["start"] = sync.Axe().run(page, options=rules)
    page.goto(service + "#models")
    page.wait_for_selector(".periodic")
    found["models"] = sync.Axe().run(page, options=rules)
    page.goto(service + "#jobs")
    page.wait_for_selector(".jobs")
    found["jobs"] = sync.Axe().run(page, options=rules)
    predicted(visit, service)
    page.locator("#modes tbody button").last.click()
    page.locator(".data summary").first.click()
    found["crystal"] = sync.Axe().run(page, options=rules)
    assert {k: v.generate_report() for k, v in found.items() if v.violations_count} == {}
