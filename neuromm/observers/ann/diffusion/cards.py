"""What the cards of the diffusion family's weights say: what each is, what it saw, what its scores mean, its limits."""

from neuromm.observers.ann.card import Card

GUIDED = "A part `p_null` of the conditions is replaced by a learnt null, with which guidance compares. "
HALF = " Weights are kept in half precision; they are scored as they are kept."

CARDS = {
    "diffusion_text": Card(
        "Text to 32 × 32 pictures of shapes: a variational autoencoder, and in its latents a U-Net with "
        "cross-attention to a small text encoder (`LatentDiffusion`)." + HALF,
        "Drawn shapes with captions: shape × colour × position × size, jittered; six of the thirty pairs of shape "
        "and colour were never drawn for it, neither for the autoencoder nor for the U-Net. " + GUIDED,
        "`vae_rms_error`: of reconstructed pixels, 0 … 1. `latent_scale`: 1/sd of the latents. `last_loss`: mean "
        "squared error of v over the last 100 steps. How often a probe reads the right shape and colour from "
        "held-out compositions, with and without guidance, is measured in the tests.",
        "It knows the words of its captions and no others: an unknown word is refused. The probe is the nearest "
        "of the drawn pictures, not a person.",
    ),
    "diffusion_flash_beep": Card(
        "A joint denoiser of flashes, beeps and what retina and cochlea report of them, each at a noise level of "
        "its own (`JointNet`); the observer `flash_beep_denoiser` samples with it what was shown." + HALF,
        "Scenes of 0 … 4 flashes and beeps with one cause (as many, at nearly the same times) or two; sensory "
        "noise log-uniform, independent per sense. Labels are the true events. No scene is an illusion: none "
        "pairs a number of flashes with another's answer.",
        "`loss`: squared error of v over both targets on new scenes, all noise levels together.",
        "Illusions depend on `p_common` and the kernels of these scenes. Events later than 600 ms, more than 4 "
        "events and other noise than that of the scenes are outside of what it was trained on.",
    ),
    "diffusion_places": Card(
        "A joint denoiser of maps of where light and sound are, given a picture and a cochleagram (`JointNet`); "
        "the observer `place_denoiser` reads places from it." + HALF,
        "Rendered scenes with one cause or two, places N(0, `sigma_prior`² deg²), sensory sd log-uniform and "
        "independent per modality, signalled by blur, contrast and level; one modality absent in a part. The "
        "probability of one cause is drawn anew for each scene and told to the network. Labels are true places, "
        "also of scenes with two causes.",
        "`loss`: squared error of v over both maps on new scenes.",
        "It is not told the sensory sd, it has to see and hear it; sds outside the range of the scenes are "
        "refused. Places beyond ±48 deg have no map.",
    ),
    "diffusion_syllables": Card(
        "A denoiser of a small auditory spectrogram and of the lips, told a syllable or none (`JointNet`); the "
        "observer `syllable_denoiser` classifies with it." + HALF,
        "Congruent /ba/, /da/, /ga/ of many synthetic talkers, sound and lips each at a noise level of its own. "
        "No incongruent pair. " + GUIDED,
        "`loss`: squared error of v over sound and lips on new talkers.",
        "That /da/ lies between the others is a property of the synthetic formants and apertures, stated in "
        "`syllable_scenes`; a fusion answer follows from it and is no evidence about people.",
    ),
    "diffusion_video": Card(
        "Clips of a bouncing disc from the sound of its impacts: a factorised space–time U-Net that attends to "
        "the energy at two ears (`SoundToClip`)." + HALF,
        "Newly drawn clips at every step, 8 frames of 16 × 16, start, speed, direction and height at random; loss "
        "on v and, on x̂_0, on changes from frame to frame. " + GUIDED,
        "`disc_at_the_wall_that_sounds`: impacts at whose frame the disc of the generated clip is on that wall's "
        "side, beyond half way; beside it the same with another clip's sound. `flicker`: mean second difference "
        "in time, beside that of drawn clips.",
        "Height is not in the sound: it is drawn at random. Sounds without an impact fix the motion only loosely.",
    ),
    "diffusion_audio": Card(
        "Log-mel spectrograms of syllables and impacts by class (`SoundModel`), made audible by Griffin & Lim's "
        "inversion." + HALF,
        "Synthesised syllables of many voices and decaying tones, at 8 kHz. " + GUIDED,
        "`class_read_right`: generated log-mels whose nearest synthesised sound has the class asked for, before "
        "and after inversion to a wave and back; `inversion_correlation`: of log-mels before and after.",
        "Synthetic voices; the probe is a nearest neighbour, not a listener.",
    ),
    "diffusion_pictures": Card(
        "A small U-Net over grey 28 × 28 pictures of shapes (`SimpleUNet`), the start of the code lab." + HALF,
        "Drawn shapes of all compositions in grey, jittered.",
        "`last_loss`: mean squared error of v over the last 50 steps; 1 is nothing learnt.",
        "An example to train from, without conditions.",
    ),
}  # fmt: skip
