"""Every script of experiments/ and analysis/figures/ runs, small, from another folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripts import run_script

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted([*(ROOT / "experiments").glob("*.py"), *(ROOT / "analysis" / "figures").glob("*.py")])
RINGS = ["--n-repeats", "1", "--n-cells", "36", "--dt", "1", "--n-readout", "8", "--target", "numpy"]
SMALL = {
    "multimodal_benefit": ["--step", "2", "--step", "4", "--n-seeds", "1"],
    "comodulation": ["--n-seeds", "1", "--n-steps", "3", "--agreement", "0.2"],
    "congruent_opposite_units": ["--n-scenes", "60", "--n-seeds", "2"],
    "ann_ventriloquism": ["--n-repeats", "2", "--n-scenes", "100", "--n-seeds", "2"],
    "ann_cue_weights": ["--n-repeats", "2", "--n-seeds", "2"],
    "ann_flash_beep": ["--n-repeats", "2", "--n-seeds", "2"],
    "ann_mcgurk": ["--n-repeats", "2", "--n-individuals", "3", "--n-seeds", "2"],
    "nets_as_people": ["--n-repeats", "2", "--n-seeds", "2", "--n-ablation", "2"],
    "clip_zero_shot": ["--n-views", "1"],
    "image_text_conflict": ["--n-repeats", "1", "--diffusion", "4"],
    "contrast_is_evidence": ["--n-repeats", "2", "--n-scenes", "200"],
    "brains_and_machines": ["--small"],
    "ventriloquism": ["--n-repeats", "2"],
    "cue_combination": ["--n-repeats", "2"],
    "unity_judgement": ["--n-repeats", "10"],
    "flash_beep_numerosity": ["--n-repeats", "2"],
    "synchrony": ["--n-repeats", "4", "--sigmas", "70,150"],
    "ownership": ["--n-repeats", "4", "--n-people", "3"],
    "heading": ["--n-repeats", "1"],
    "fit_people": ["--max-subjects", "2", "--n-starts", "2", "--heading", "none", "--sifi", "none"],
    "recovery_map": ["--p-common", "0.28", "--sigma-auditory", "9.2", "--n-subjects", "2", "--n-repeats", "2"],
    "mcgurk": ["--n-repeats", "5", "--n-people", "12"],
    "synchrony_window": ["--n-repeats", "10"],
    "redundant_target": ["--n-repeats", "20", "--n-people", "3"],
    "aftereffect": ["--n-blocks", "4"],
    "heading_in_time": ["--simulate", "--n-repeats", "10", "--max-iterations", "3"],
    "ned_mcgurk": ["--n-people", "30", "--n-starts", "4"],
    "mcgurk_individuals": ["--n-people", "40"],
    "twin_srt": ["--n-repeats", "100"],
    "aftereffect_buildup": ["--n-blocks", "4"],
    "fission_window": ["--n-people", "8", "--n-repeats", "12"],
    "spiking_ventriloquism": RINGS,
    "spiking_flash_beep": [*RINGS, "--soa", "50"],
    "spiking_decision": ["--n-repeats", "1", "--n-cells", "100", "--duration", "300", "--dt", "1"],
    "sts_binding": ["--n-repeats", "10", "--n-people", "4"],
    "ppc_optimality": ["--n-trials", "200"],
    "flash_network": ["--n-repeats", "2", "--soa", "48", "--soa", "84"],
    "ventriloquism_network": ["--n-exposures", "1", "--distance", "10", "--distance", "40"],
    "decision_attractor": ["--n-trials", "20"],
    "basis_functions": ["--n-trials", "100"],
    "hierarchy_rsa": ["--n-subjects", "4", "--n-repeats", "3"],
    "stdp_binding": ["--n-trials", "30", "--n-repeats", "1", "--jitter", "1", "--jitter", "40"],
    "denoiser_observers": ["--n-repeats", "1", "--n-scenes", "4000", "--n-predictive", "60"],
    "layers_by_noise": ["--n-repeats", "1", "--n-folds", "2", "--ensemble-size", "1", "--n-pictures", "9"],
    "imagine": ["--n-pictures", "4", "--n-clips", "3", "--n-sounds", "1", "--steps", "3", "--guidance-scale", "3"],
    "train_diffusion": ["--n-steps", "3", "--batch", "8", "--n-samples", "4", "--sampler-steps", "4"],
}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_the_script_runs_and_leaves_figures_and_a_page(script, tmp_path):
    code, said = run_script(script, [*SMALL.get(script.stem, []), "--out", str(tmp_path / "out")], tmp_path)
    assert code == 0, said[-2000:]
    figures = list((tmp_path / "out" / "figures").glob("*.png"))
    assert figures and all(f.with_suffix(".csv").exists() and f.with_suffix(".pdf").exists() for f in figures)
    assert (tmp_path / "out" / "report.html").exists()


def test_a_scripts_mistake_is_one_line(tmp_path):
    command = [sys.executable, str(ROOT / "experiments" / "ventriloquism.py"), "--trials", "none.csv"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.strip() == "ventriloquism.py: no trial table at none.csv"
