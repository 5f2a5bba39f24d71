"""What there is, by name: plain dicts one can read and add to.

A new observer is one file and one line in `OBSERVERS`; the conformance suite runs on it at once.
"""

import difflib
import importlib
import os

from neuromm.maths.device import check_device

OBSERVERS = {
    # ideal observers: place
    "causal_inference": "neuromm.observers.bayes.causal_inference:CausalInference",
    "forced_fusion": "neuromm.observers.bayes.forced_fusion:ForcedFusion",
    "segregation": "neuromm.observers.bayes.segregation:Segregation",
    "cue_combination": "neuromm.observers.bayes.cue_combination:CueCombination",
    "grid_causal_inference": "neuromm.observers.bayes.grid:GridCausalInference",
    "trimodal": "neuromm.observers.bayes.trimodal:Trimodal",
    "fixed_criterion": "neuromm.observers.bayes.rivals:FixedCriterion",
    "stochastic_fusion": "neuromm.observers.bayes.rivals:StochasticFusion",
    "linear_weighting": "neuromm.observers.bayes.rivals:LinearWeighting",
    # ideal observers: number, time, heading, body
    "wozny2008": "neuromm.observers.bayes.trimodal:Wozny2008",
    "numerosity": "neuromm.observers.bayes.numerosity:Numerosity",
    "numerosity_time": "neuromm.observers.bayes.numerosity_time:NumerosityTime",
    "magnotti2013": "neuromm.observers.bayes.magnotti2013:Magnotti2013",
    "flash_window": "neuromm.observers.bayes.flash_window:FlashWindow",
    "parise2016": "neuromm.observers.bayes.parise:Parise2016",
    "parise2025": "neuromm.observers.bayes.parise:Parise2025",
    "dynamic_capture": "neuromm.observers.bayes.dynamic_capture:DynamicCapture",
    "chancel2022": "neuromm.observers.bayes.chancel2022:Chancel2022",
    "chancel2022_fixed": "neuromm.observers.bayes.chancel2022:Chancel2022Fixed",
    "circular_causal_inference": "neuromm.observers.bayes.circular:CircularCausalInference",
    "acerbi2018": "neuromm.observers.bayes.acerbi2018:Acerbi2018",
    "acerbi2018_fixed": "neuromm.observers.bayes.acerbi2018:Acerbi2018Fixed",
    "acerbi2018_stochastic": "neuromm.observers.bayes.acerbi2018:Acerbi2018Stochastic",
    # ideal observers: syllables
    "magnotti2017": "neuromm.observers.bayes.magnotti2017:Magnotti2017",
    "magnotti2015": "neuromm.observers.bayes.magnotti2015:Magnotti2015",
    "massaro1998": "neuromm.observers.bayes.massaro1998:Massaro1998",
    # ideal observers: drawings and printed words
    "picture_and_word": "neuromm.observers.bayes.picture_and_word:PictureAndWord",
    # ideal observers: reaction times and learning
    "race_model": "neuromm.observers.bayes.reaction:RaceModel",
    "coactivation": "neuromm.observers.bayes.reaction:Coactivation",
    "colonius2004": "neuromm.observers.bayes.twin:Colonius2004",
    "drugowitsch2014": "neuromm.observers.bayes.drugowitsch2014:Drugowitsch2014",
    "recalibration": "neuromm.observers.bayes.recalibration:Recalibration",
    "beierholm2020": "neuromm.observers.bayes.learning:Beierholm2020",
    # rate networks
    "ma2006": "neuromm.observers.rate.ma2006:Ma2006",
    "ohshiro2011": "neuromm.observers.rate.ohshiro2011:Ohshiro2011",
    "ohshiro2011_heading": "neuromm.observers.rate.ohshiro2011_heading:Ohshiro2011Heading",
    "colliculus": "neuromm.observers.rate.colliculus:Colliculus",
    "cuppini2014": "neuromm.observers.rate.cuppini2014:Cuppini2014",
    "cuppini2017": "neuromm.observers.rate.cuppini2017:Cuppini2017",
    "paredes2025": "neuromm.observers.rate.paredes2025:Paredes2025",
    "magosso2012": "neuromm.observers.rate.magosso2012:Magosso2012",
    "sts_binding": "neuromm.observers.rate.sts_binding:STSBinding",
    "causal_hierarchy": "neuromm.observers.rate.causal_hierarchy:CausalHierarchy",
    "pouget1997": "neuromm.observers.rate.pouget1997:Pouget1997",
    "deneve2001": "neuromm.observers.rate.deneve2001:Deneve2001",
    "zhang2019": "neuromm.observers.rate.zhang2019:Zhang2019",
    "wongwang2006": "neuromm.observers.rate.wongwang2006:WongWang2006",
    # spiking networks
    "spiking_sts": "neuromm.observers.spiking.spiking_sts:SpikingSTS",
    "wang2002": "neuromm.observers.spiking.wang2002:Wang2002",
    # artificial networks
    "av_encoder": "neuromm.observers.ann.av_encoder:AVEncoder",
    "av_denoiser": "neuromm.observers.ann.av_denoiser:AVDenoiser",
    "place_denoiser": "neuromm.observers.ann.diffusion.places:PlaceDenoiser",
    "flash_beep_denoiser": "neuromm.observers.ann.diffusion.flash_beep:FlashBeepDenoiser",
    "fusion_net": "neuromm.observers.ann.fusion.observer:FusionNetwork",
    "hierarchy_net": "neuromm.observers.ann.hierarchy.observer:HierarchyNetwork",
    "flash_counter": "neuromm.observers.ann.counting.observer:FlashCounter",
    "speech_net": "neuromm.observers.ann.speech.observer:SpeechNetwork",
    "picture_namer": "neuromm.observers.ann.contrastive.namer:PictureNamer",
    "syllable_denoiser": "neuromm.observers.ann.diffusion.classifier:SyllableDenoiser",
}

NETWORKS = {  # what `neuromm train` makes, and its recipe; the name is that of the weights
    "av_encoder": "neuromm.observers.ann.encoder_recipe:EncoderRecipe",
    "av_denoiser": "neuromm.observers.ann.denoiser_recipe:DenoiserRecipe",
    "diffusion_places": "neuromm.observers.ann.diffusion.recipes_joint:PlacesRecipe",
    "diffusion_flash_beep": "neuromm.observers.ann.diffusion.recipes_joint:FlashBeepRecipe",
    "diffusion_syllables": "neuromm.observers.ann.diffusion.recipes_joint:SyllablesRecipe",
    "diffusion_text": "neuromm.observers.ann.diffusion.recipes_text:TextRecipe",
    "diffusion_video": "neuromm.observers.ann.diffusion.recipes_clips_sounds:VideoRecipe",
    "diffusion_audio": "neuromm.observers.ann.diffusion.recipes_clips_sounds:AudioRecipe",
    "diffusion_pictures": "neuromm.observers.ann.diffusion.lab:PicturesRecipe",
    "clip_shapes": "neuromm.observers.ann.contrastive.recipe:ClipRecipe",
    "picture_namer": "neuromm.observers.ann.contrastive.printed:PrintedRecipe",
    "fusion_net": "neuromm.observers.ann.fusion.recipe:FusionRecipe",
    "hierarchy_net": "neuromm.observers.ann.hierarchy.recipe:HierarchyRecipe",
    "flash_counter": "neuromm.observers.ann.counting.recipe:CounterRecipe",
    "speech_net": "neuromm.observers.ann.speech.recipe:SpeechRecipe",
}
OBSERVER_OF = {  # weights whose observer has another name
    "diffusion_places": "place_denoiser",
    "diffusion_flash_beep": "flash_beep_denoiser",
    "diffusion_syllables": "syllable_denoiser",
}

PARADIGMS = {
    "ventriloquism": "neuromm.paradigms.ventriloquism:ventriloquism",
    "ventriloquism_by_reliability": "neuromm.paradigms.ventriloquism:ventriloquism_by_reliability",
    "cue_combination": "neuromm.paradigms.cue_combination:cue_combination",
    "unity_judgement": "neuromm.paradigms.conflict:unity_judgement",
    "heading": "neuromm.paradigms.conflict:heading",
    "flash_beep": "neuromm.paradigms.flash_beep:flash_beep",
    "flash_beep_tap": "neuromm.paradigms.trimodal:flash_beep_tap",
    "mcgurk": "neuromm.paradigms.mcgurk:mcgurk",
    "synchrony": "neuromm.paradigms.synchrony:synchrony",
    "dynamic_capture": "neuromm.paradigms.synchrony:dynamic_capture",
    "redundant_target": "neuromm.paradigms.redundant_target:redundant_target",
    "focused_attention": "neuromm.paradigms.redundant_target:focused_attention",
    "heading_in_time": "neuromm.paradigms.redundant_target:heading_in_time",
    "direction": "neuromm.paradigms.direction:direction",
    "left_or_right": "neuromm.paradigms.direction:left_or_right",
    "inverse_effectiveness": "neuromm.paradigms.inverse_effectiveness:inverse_effectiveness",
    "aftereffect": "neuromm.paradigms.aftereffect:aftereffect",
    "two_tone_aftereffect": "neuromm.paradigms.aftereffect:two_tone_aftereffect",
    "image_text_conflict": "neuromm.paradigms.image_text_conflict:image_text_conflict",
    "changing_reliability": "neuromm.paradigms.aftereffect:changing_reliability",
}

STUDIES = {
    "brains_and_machines": "neuromm.studies.brains_and_machines:main",
    "ventriloquism": "neuromm.studies.ventriloquism:main",
    "cue_combination": "neuromm.studies.cue_combination:main",
    "fit_people": "neuromm.studies.fit_people:main",
    "unity_judgement": "neuromm.studies.unity_judgement:main",
    "flash_beep_numerosity": "neuromm.studies.flash_beep_numerosity:main",
    "synchrony": "neuromm.studies.synchrony:main",
    "ownership": "neuromm.studies.ownership:main",
    "heading": "neuromm.studies.heading:main",
    "mcgurk": "neuromm.studies.mcgurk:main",
    "mcgurk_people": "neuromm.studies.mcgurk_people:main",
    "synchrony_window": "neuromm.studies.synchrony_window:main",
    "redundant_target": "neuromm.studies.redundant_target:main",
    "heading_in_time": "neuromm.studies.heading_in_time:main",
    "aftereffect": "neuromm.studies.aftereffect:main",
    "spiking_ventriloquism": "neuromm.studies.spiking_ventriloquism:main",
    "spiking_flash_beep": "neuromm.studies.spiking_flash_beep:main",
    "spiking_decision": "neuromm.studies.spiking_decision:main",
    "stdp_binding": "neuromm.studies.stdp_binding:main",
    "inverse_effectiveness": "neuromm.studies.inverse_effectiveness:main",
    "ppc_optimality": "neuromm.studies.ppc_optimality:main",
    "flash_network": "neuromm.studies.flash_network:main",
    "ventriloquism_network": "neuromm.studies.ventriloquism_network:main",
    "decision_attractor": "neuromm.studies.decision_attractor:main",
    "sts_binding": "neuromm.studies.sts_binding:main",
    "hierarchy_rsa": "neuromm.studies.hierarchy_rsa:main",
    "denoiser_observers": "neuromm.studies.denoiser_observers:main",
    "layers_by_noise": "neuromm.studies.layers_by_noise:main",
    "imagine": "neuromm.studies.imagine:main",
    "train_diffusion": "neuromm.studies.train_diffusion:main",
    "contrast_is_evidence": "neuromm.studies.contrast_is_evidence:main",
    "clip_zero_shot": "neuromm.studies.clip_zero_shot:main",
    "image_text_conflict": "neuromm.studies.image_text_conflict:main",
    "congruent_opposite_units": "neuromm.studies.congruent_opposite_units:main",
    "ann_ventriloquism": "neuromm.studies.ann_ventriloquism:main",
    "ann_cue_weights": "neuromm.studies.ann_cue_weights:main",
    "ann_flash_beep": "neuromm.studies.ann_flash_beep:main",
    "ann_mcgurk": "neuromm.studies.ann_mcgurk:main",
    "nets_as_people": "neuromm.studies.nets_as_people:main",
    "comodulation": "neuromm.studies.comodulation:main",
    "multimodal_benefit": "neuromm.studies.multimodal_benefit:main",
}


def find(table, name, kind):
    """The object that `name` stands for in one of the dicts above.

    Raises
    ------
    ValueError
        If there is none; the nearest name and the list are given.
    """
    if name not in table:
        near = difflib.get_close_matches(str(name), table, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise ValueError(f"no {kind} is called '{name}'; {hint}there are: {', '.join(table)}")
    return resolve(table[name])


def resolve(path):
    """The object at "module:attribute", imported now."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def load(name_or_path, *, trained=True, device="cpu", **fields):
    """An observer by its name in the catalogue, or from a file of trained weights.

    Parameters
    ----------
    name_or_path : str or path
        A name of `OBSERVERS`, or a `.safetensors` file that `train` wrote.
    trained : bool
        For networks: False gives the untrained twin, the baseline of every comparison.
    device : str
        For networks: where it runs.
    **fields
        Any other field of the observer, such as `sigma_visual=4.0`.

    Raises
    ------
    ValueError
        If there is no such observer, field, file or device, or the weights do not match their checksum.
    """
    import dataclasses

    name = str(name_or_path)
    if name.endswith(".safetensors") or (name not in OBSERVERS and os.path.isfile(name)):
        fields["weights"], network = name, resolve("neuromm.observers.ann.weights:read_header")(name)["network"]
        name = OBSERVER_OF.get(network, network)
    cls = find(OBSERVERS, name, "observer")
    known = {f.name for f in dataclasses.fields(cls)}
    if "trained" in known:
        fields["trained"] = trained
    elif not trained:
        raise ValueError(f"{name} is not a network: it has no untrained twin")
    check_device(device)
    if "device" in known:
        fields["device"] = device
    unknown = sorted(set(fields) - known)
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise ValueError(f"{name} has no field '{unknown[0]}'; {hint}It has: {', '.join(sorted(known))}")
    return cls(**fields)


def __getattr__(name):
    if name == "train":  # of torch, which this module does without
        return resolve("neuromm.observers.ann.training:train")
    raise AttributeError(f"{__name__} has no '{name}'")
