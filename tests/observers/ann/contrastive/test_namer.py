"""Encoders that name drawings and words: what they were shown, what captures them, and the gate of their own logits."""

import dataclasses
import functools
import json

import numpy as np
import pytest
from scipy.special import logsumexp

from neuromm import catalogue, paradigms
from neuromm.observers.ann.contrastive import printed
from neuromm.observers.ann.contrastive.namer import ClipNamer, DiffusionNamer, PictureNamer
from neuromm.session import present
from neuromm.stimuli.printed import NEUTRAL
from neuromm.stimuli.shapes import SHAPES
from neuromm.testing import check_observer


@pytest.fixture(scope="module")
def trials():
    return paradigms.image_text_conflict(
        4, picture_contrast=(0.2,), word_contrast=(0.05, 0.4), reports=("pictured", "printed", "common"), seed=5
    )


def answers(observer, trials, layers=()):
    return observer.perceive(trials, rng=np.random.default_rng(1), layers=layers)


def test_no_picture_of_the_training_bears_the_name_of_another_shape():
    recipe = printed.PrintedRecipe()
    for step in range(20):
        _, texts, table = printed.draw(recipe, np.random.default_rng([1, step]), recipe.batch)
        both = table.dropna(subset=["pictured", "printed"])
        named = both[~both["printed"].isin(NEUTRAL)]
        assert len(named) and (named["pictured"] == named["printed"]).all()
        alone = table["pictured"].isna() | table["printed"].isna()
        assert 0.35 < alone.mean() < 0.65 and not (table["pictured"].isna() & table["printed"].isna()).any()
        assert not table.loc[table["pictured"].isna(), "printed"].isin(NEUTRAL).any()
        assert all(shape in text for shape, text in zip(table["shape"], texts, strict=True))
        assert not any(word in text for text in texts for word in NEUTRAL)


def test_the_controls_see_one_part_alone():
    for only, part in (("pictures", "printed"), ("words", "pictured")):
        table = printed.draw(printed.PrintedRecipe(only=only), np.random.default_rng(1), 100)[2]
        assert table[part].isna().all()


def test_drawings_and_words_alone_are_named_and_the_untrained_twin_guesses(trials):
    alone = trials[trials["kind"].isin(["picture", "word"]) & (trials["word_contrast"] != 0.05)]
    truth = alone["pictured"].fillna(alone["printed"]).to_numpy()
    right = {}
    for name, fields in {"trained": {}, "untrained": {"trained": False}, "shuffled": {"training": "shuffled"}}.items():
        found = answers(catalogue.load("picture_namer", **fields), alone).responses["response_label"].to_numpy()
        right[name] = (found == truth).mean()
    assert right["trained"] > 0.9
    assert max(right["untrained"], right["shuffled"]) < 0.5


def test_a_plain_word_captures_what_a_faint_one_does_not(trials):
    conflicts = trials[(trials["kind"] == "conflict") & (trials["report"] == "pictured")]
    word = conflicts["printed"].to_numpy()
    captured = answers(catalogue.load("picture_namer"), conflicts).responses["response_label"].to_numpy() == word
    deaf = answers(catalogue.load("picture_namer", training="pictures"), conflicts).responses["response_label"] == word
    plain = (conflicts["word_contrast"] == 0.4).to_numpy()
    assert captured[plain].mean() > captured[~plain].mean() + 0.3
    assert deaf.to_numpy()[plain].mean() < captured[plain].mean() - 0.3


def test_the_gate_is_causal_inference_over_the_networks_own_logits(trials):
    observer = PictureNamer(gate="logit", p_common=0.3)
    both = trials[trials["kind"].isin(["congruent", "conflict"])]
    found = answers(observer, both, ["log_posterior", "unity"]).representations
    gated, unity = found["log_posterior"].to_numpy(), found["unity"].to_numpy()[:, 0]
    apart = answers(PictureNamer(gate="logit", p_common=0.0), both, ["log_posterior"]).representations["log_posterior"]
    picture, word = np.split(np.exp(apart.to_numpy().astype(float)), 2, axis=1)
    likelihood = 5 * (picture * word).sum(1)  # of one cause against two, by the sum over shapes
    expected = 0.3 * likelihood / (0.3 * likelihood + 0.7)
    np.testing.assert_allclose(unity, expected, atol=1e-5)
    fused = picture * word / (picture * word).sum(1, keepdims=True)
    for part, log in zip((picture, word), np.split(gated, 2, axis=1), strict=True):
        np.testing.assert_allclose(np.exp(log), expected[:, None] * fused + (1 - expected[:, None]) * part, atol=1e-5)
    one = answers(PictureNamer(gate="logit", p_common=1.0), both, ["log_posterior"]).representations["log_posterior"]
    np.testing.assert_allclose(np.exp(one.to_numpy()[:, :5]), fused, atol=1e-5)
    np.testing.assert_allclose(logsumexp(gated[:, :5], axis=1), 0, atol=1e-5)


def test_without_a_gate_the_question_does_not_matter(trials):
    found = answers(catalogue.load("picture_namer"), trials).responses
    shown = trials[trials["kind"] == "conflict"]
    wide = found.loc[shown.index].assign(presentation=shown["presentation"], report=shown["report"])
    wide = wide.pivot(index="presentation", columns="report", values="response_label")
    assert (wide["pictured"] == wide["printed"]).all()


def test_a_response_is_the_position_of_its_shape_whatever_the_other_rows_answer(trials):
    observer = PictureNamer()
    named = answers(observer, trials).responses[trials["report"] != "common"]
    assert [SHAPES[int(code)] for code in named["response"]] == named["response_label"].tolist()
    alone = answers(observer, trials[trials["report"] == "pictured"].iloc[[3]]).responses.iloc[0]
    assert SHAPES[int(alone["response"])] == alone["response_label"]  # it was 0 in a table of one row


def test_fields_that_mean_nothing_are_refused():
    for fields, words in (
        ({"gate": "open"}, "gate must be one of none, logit, got 'open'"),
        ({"p_common": -1.0}, "p_common must be a probability between 0 and 1, got -1"),
        ({"training": "odd"}, "training must be one of congruent, shuffled"),
    ):
        with pytest.raises(ValueError, match=words):
            PictureNamer(**fields)
    with pytest.raises(ValueError, match="prompt must be a text with '{}' where the shape is named"):
        ClipNamer("folder", prompt="a photo")
    with pytest.raises(ValueError, match="has no 'p_comon'; did you mean"):
        catalogue.train("picture_namer", max_steps=0, p_comon=1)


def test_training_again_or_going_on_gives_the_same_weights(tmp_path, monkeypatch):
    # the score, 9000 pictures of each network, decides no weight
    monkeypatch.setattr(printed, "_score", functools.partial(printed._score, n=30))
    small = {"n_steps": 4, "batch": 8, "progress": False}
    paths = [catalogue.train("picture_namer", out=tmp_path / f"{i}.safetensors", **small) for i in range(2)]
    catalogue.train("picture_namer", out=tmp_path / "2.safetensors", max_steps=2, **small)
    paths.append(catalogue.train("picture_namer", out=tmp_path / "2.safetensors", **small))  # from its checkpoint
    from neuromm.observers.ann.weights import read_header

    assert len({read_header(path)["sha256"] for path in paths}) == 1
    trials = paradigms.image_text_conflict(1, picture_contrast=(0.2,), word_contrast=(0.2,))
    session = present(trials, [PictureNamer(weights=str(paths[0]))], seed=1)
    assert set(session.responses["response_label"]) <= set(SHAPES)


@pytest.mark.slow
def test_the_denoiser_names_drawings_but_was_never_shown_a_word(trials):
    alone = trials[(trials["kind"] == "picture") & (trials["report"] == "pictured")].assign(picture_contrast=1.0)
    found = answers(DiffusionNamer(), alone).responses["response_label"].to_numpy()
    assert (found == alone["pictured"].to_numpy()).mean() > 0.5


def folder_of_a_tiny_clip(path):
    """A CLIP built from a config, with a tokenizer of whole words made of two local files; nothing is fetched."""
    transformers = pytest.importorskip("transformers")
    import torch

    signs = [chr(c) for c in range(33, 127)]
    vocabulary = [*signs, *(s + "</w>" for s in signs), "<|startoftext|>", "<|endoftext|>"]
    path.mkdir()
    (path / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(vocabulary)}))
    (path / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.CLIPTokenizer(str(path / "vocab.json"), str(path / "merges.txt"))
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    n = len(vocabulary)
    text = {**small, "vocab_size": n, "max_position_embeddings": 77, "bos_token_id": n - 2, "eos_token_id": n - 1}
    torch.manual_seed(0)
    config = transformers.CLIPConfig(
        text_config=text, vision_config={**small, "image_size": 32, "patch_size": 8}, projection_dim=8
    )
    transformers.CLIPModel(config).save_pretrained(path)
    transformers.CLIPProcessor(transformers.CLIPImageProcessor(size=32, crop_size=32), tokenizer).save_pretrained(path)
    return path


def test_pretrained_clip_is_the_same_subject(tmp_path):
    folder = folder_of_a_tiny_clip(tmp_path / "clip")
    observer = ClipNamer(str(folder), gate="logit")
    assert len(check_observer(observer)) >= 20
    trials = paradigms.image_text_conflict(1, picture_contrast=(0.2,), word_contrast=(0.2,), reports=("pictured",))
    found = answers(dataclasses.replace(observer, gate="none"), trials, ["log_posterior"])
    from neuromm.observers.ann.contrastive import load_clip
    from neuromm.stimuli.printed import PrintedPictures

    # second route: the library's own logits of the same pixels
    model = load_clip(folder)
    rows = trials.iloc[:3]
    assert rows["noise_seed"].notna().all()
    import torch

    with torch.no_grad():
        tokens = model.processor.tokenizer([f"a photo of a {s}" for s in SHAPES], padding=True, return_tensors="pt")
        pixels = model.prepare(np.clip(PrintedPictures().render(rows), 0, 1))
        logits = model.model(pixel_values=pixels, **tokens).logits_per_image.double().numpy()
    expected = logits - logsumexp(logits, axis=1, keepdims=True)
    np.testing.assert_allclose(found.representations["log_posterior"].to_numpy()[:3, :5], expected, atol=1e-4)
