"""Small pictures to train on: procedural shapes, scikit-learn's digits, a folder of images, or MNIST files."""

from __future__ import annotations

import gzip
import struct
import zipfile
from pathlib import Path

import numpy as np
from scipy.ndimage import zoom

from neuromm.stimuli.shapes import draw_grey_shapes

LARGEST = 512 * 2**20  # bytes that a compressed file may unpack to: ten times MNIST


def load_pictures(source="shapes", *, n_pixels=28, n=4000, seed=1):
    """Grey pictures, (n, 1, n_pixels, n_pixels) float32 in 0 … 1; nothing is downloaded.

    Parameters
    ----------
    source : str
        "shapes"; "digits" (scikit-learn's 8 × 8 ones, enlarged); a folder of images; or a file of MNIST, IDX
        (`train-images-idx3-ubyte`, also gzipped) or NPZ.
    n_pixels, n : int
        Size, and the most pictures that are given.
    seed : int
        Of the shapes' places and of the order.

    Raises
    ------
    ImportError
        If "digits" are asked for without scikit-learn.
    ValueError
        If the source is none of these, or holds no pictures.
    """
    rng = np.random.default_rng(seed)
    if source == "shapes":
        return draw_grey_shapes(n, n_pixels=n_pixels, rng=rng)
    if source == "digits":
        pictures = _digits()
    elif Path(source).is_dir():
        pictures = _folder(Path(source), n_pixels)
    elif Path(source).is_file():
        pictures = _file(Path(source))
    else:
        raise ValueError(f"source is '{source}'; 'shapes', 'digits', a folder of images or a file of MNIST is wanted")
    chosen = rng.permutation(len(pictures))[:n]
    return np.stack([_resize(pictures[i], n_pixels) for i in chosen])[:, None]


def _digits():
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImportError("scikit-learn holds the digits: pip install scikit-learn, or use --data shapes") from None
    return load_digits().images.astype(np.float32) / 16.0


def _folder(folder, n_pixels):
    from PIL import Image

    files = sorted(
        f for f in folder.rglob("*") if f.suffix.lower() in {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"}
    )
    if not files:
        raise ValueError(f"{folder} holds no images (png, jpg, bmp, gif, webp)")
    pictures = []
    for file in files:
        with Image.open(file) as image:
            pictures.append(np.asarray(image.convert("L"), np.float32) / 255.0)
    return pictures


def _file(file):
    if file.suffix == ".npz":
        _refuse_large(file)
        with np.load(file, allow_pickle=False) as arrays:
            name = next((k for k in ("x_train", "images", *arrays.files) if k in arrays.files), None)
            pictures = np.asarray(arrays[name], np.float32)
        if pictures.ndim != 3:
            raise ValueError(f"{file.name}: '{name}' has shape {pictures.shape}; (n, height, width) is wanted")
        return pictures / max(1.0, float(pictures.max()))
    data = _unzipped(file) if file.suffix == ".gz" else file.read_bytes()
    if len(data) < 16 or struct.unpack(">I", data[:4])[0] != 0x803:
        raise ValueError(
            f"{file.name} is no IDX file of images (magic number 2051); MNIST's train-images-idx3-ubyte is one"
        )
    n, height, width = struct.unpack(">III", data[4:16])
    if len(data) < 16 + n * height * width:
        raise ValueError(f"{file.name} says it holds {n} images of {height} × {width}, and is too short for them")
    return np.frombuffer(data, np.uint8, n * height * width, 16).reshape(n, height, width).astype(np.float32) / 255.0


def _unzipped(file):
    """The bytes in a gzip file; one that unpacks to more than `LARGEST` is refused, not unpacked."""
    try:
        with gzip.open(file) as packed:
            data = packed.read(LARGEST + 1)
    except (gzip.BadGzipFile, EOFError) as error:
        raise ValueError(f"{file.name} is no whole gzip file: {error}") from None
    if len(data) > LARGEST:
        raise ValueError(f"{file.name} unpacks to more than {LARGEST} bytes; that is no MNIST")
    return data


def _refuse_large(file):
    """Refuse an archive that says it unpacks to more than `LARGEST` (what it holds beyond that is never read)."""
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise ValueError(f"{file.name} is no whole NPZ file: {error}") from None
    if size > LARGEST:
        raise ValueError(f"{file.name} unpacks to {size} bytes, more than {LARGEST}; give a smaller file")


def _resize(picture, n_pixels):
    """Linear interpolation to a square."""
    if picture.shape == (n_pixels, n_pixels):
        return picture
    factors = [n_pixels / size for size in picture.shape]
    return np.clip(zoom(picture, factors, order=1, grid_mode=True, mode="nearest"), 0, 1).astype(np.float32)
