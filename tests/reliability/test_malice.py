"""Files made to harm: pickles are never opened, bombs are never unpacked, no name leads out of its folder."""

import ast
import gzip
import io
import json
import pickle
import resource
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import neuromm as nm
from neuromm.core.files import checksums
from neuromm.observers.ann.weights import load_weights
from neuromm.studies.pictures import load_pictures
from neuromm.sweeps import open_sweep, sweep

PACKAGE = Path(nm.__file__).parent


class Trap:
    """Unpickling it leaves a mark."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (Path(self.mark),))


@pytest.fixture
def trap(tmp_path):
    """A pickle that leaves a mark when it is opened; after the test the mark must not be there."""
    mark = tmp_path / "sprung"
    pickle.loads(pickle.dumps(Trap(mark)))
    assert mark.exists(), "the trap does not work"
    mark.unlink()
    yield pickle.dumps(Trap(mark))
    assert not mark.exists(), "a pickle was opened"


def object_array(mark_bytes):
    """A .npy file that holds a pickle."""
    file = io.BytesIO()
    np.save(file, np.array([None], dtype=object), allow_pickle=True)
    head = file.getvalue()[: file.getvalue().index(b"\n") + 1]
    return head + mark_bytes


def test_nothing_in_the_package_unpickles_or_evaluates():
    """But the conformance suite, which pickles an observer and opens its own pickle."""
    unsafe = {"pickle.load", "pickle.loads", "torch.load", "pd.read_pickle", "joblib.load", "eval", "exec", "yaml.load",
              "marshal.loads", "shelve.open", "shutil.unpack_archive", "os.system"}  # fmt: skip
    words = ("pickle", ".load(", "eval(", "exec(", "yaml", "marshal", "shelve", "unpack_archive", "os.system")
    found = set()
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if any(word in text for word in words) else ():
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called in unsafe:
                found.add(path.name)
            elif called in ("np.load", "numpy.load"):
                allowed = next((k.value for k in node.keywords if k.arg == "allow_pickle"), None)
                assert allowed is None or ast.unparse(allowed) == "False", f"{path.name}:{node.lineno}"
    assert found <= {"testing.py"}, found


def test_a_pickle_is_no_weights_file(tmp_path, trap):
    for name in ("w.safetensors", "w.pt"):
        (tmp_path / name).write_bytes(trap)
        with pytest.raises(ValueError, match="is a pickle, which can run any code"):
            load_weights(tmp_path / name)
    with pytest.raises(ValueError, match="is a pickle, which can run any code"):
        nm.load(tmp_path / "w.safetensors")


def test_a_pickle_in_a_session_is_refused_though_its_checksum_is_right(tmp_path, trap, trials):
    nm.save(nm.present(trials, ["causal_inference"], seed=1, layers="p_common"), tmp_path / "s")
    path = next((tmp_path / "s").rglob("*.npy"))
    path.write_bytes(object_array(trap))
    about = tmp_path / "s" / "provenance.json"
    sums = checksums(tmp_path / "s", skip="provenance.json")
    about.write_text(json.dumps({**json.loads(about.read_text()), "sha256": sums}))
    with pytest.raises(ValueError, match="allow_pickle"):
        nm.load_session(tmp_path / "s")


def test_a_pickle_in_a_sweep_is_refused_though_its_checksum_is_right(tmp_path, trap):
    from neuromm.sweeps.store import Store
    from neuromm.sweeps.work import Outcome

    plan = {"calls": {"function": "sweep_jobs:table_and_array", "grid": {"i": [0]}}, "seed": 2}
    found = sweep(plan, out=tmp_path / "s", progress=False)
    with Store(tmp_path / "s", writing=True) as store:
        row = next(iter(store.rows()))
        store.add(Outcome(row["id"], row["content"], tables=row["tables"], arrays={"noise": object_array(trap)}))
    with pytest.raises(ValueError, match="allow_pickle"):
        list(found.arrays("noise"))


def test_a_pickle_among_pictures_is_refused(tmp_path, trap):
    with zipfile.ZipFile(tmp_path / "p.npz", "w") as archive:
        archive.writestr("x_train.npy", object_array(trap))
    with pytest.raises(ValueError, match="pickle"):
        load_pictures(str(tmp_path / "p.npz"))


@pytest.mark.parametrize("name", ["../../victim", "/etc/hostname", "..\\victim", "representations/../../victim"])
def test_no_listed_name_leads_out_of_a_session(tmp_path, trials, name):
    nm.save(nm.present(trials, ["causal_inference"], seed=1), tmp_path / "deep" / "s")
    (tmp_path / "victim").write_text("mine")
    about = tmp_path / "deep" / "s" / "provenance.json"
    record = json.loads(about.read_text())
    about.write_text(json.dumps({**record, "sha256": {**record["sha256"], name: "0" * 64}}))
    with pytest.raises(ValueError, match="names a file outside its folder|is missing"):
        nm.load_session(tmp_path / "deep" / "s")
    assert (tmp_path / "victim").read_text() == "mine"


def test_a_link_out_of_a_session_is_refused(tmp_path, trials):
    nm.save(nm.present(trials, ["causal_inference"], seed=1), tmp_path / "s")
    secret = tmp_path / "secret.csv"
    secret.write_bytes((tmp_path / "s" / "stimuli.csv").read_bytes())
    (tmp_path / "s" / "stimuli.csv").unlink()
    (tmp_path / "s" / "stimuli.csv").symlink_to(secret)
    with pytest.raises(ValueError, match="outside its folder"):
        nm.load_session(tmp_path / "s")


def test_no_table_name_leads_out_of_a_sweep(tmp_path, trials):
    """`stimuli/<checksum>.csv` with a checksum that is a path."""
    trials.to_csv(tmp_path / "t.csv")
    sweep(stimuli={"trials": str(tmp_path / "t.csv")}, observers="causal_inference", out=tmp_path / "s", progress=False)
    path = tmp_path / "s" / "sweep.json"
    from neuromm.sweeps.plan import checksum_of

    record = json.loads(path.read_text())
    record["plan"]["stimuli"][0]["table"] = "../../t"
    record["sha256"] = checksum_of(json.dumps(record["plan"], indent=1))
    path.write_text(json.dumps(record, indent=1))
    with pytest.raises(ValueError, match="does not match its checksum|changed or damaged"):
        open_sweep(tmp_path / "s")


def archive_bomb(folder):
    """A small NPZ file that unpacks to 600 MB, and says that it holds 6 GB."""
    path, head = folder / "zeros.npz", io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": (6_000, 1000, 1000)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w", force_zip64=True) as f:
        f.write(head.getvalue())
        for _ in range(60):
            f.write(bytes(10_000_000))
    return path


def gzip_bomb(folder):
    """A small gzip file that unpacks to 600 MB."""
    path = folder / "train-images-idx3-ubyte.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(struct.pack(">IIII", 0x803, 10, 28, 28))
        for _ in range(60):
            file.write(bytes(10_000_000))
    return path


def false_claim(folder):
    """A file of 116 bytes that says it holds 2 EiB of images."""
    path = folder / "claims-idx3-ubyte"
    path.write_bytes(struct.pack(">IIII", 0x803, 2**31, 2**15, 2**15) + bytes(100))
    return path


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
@pytest.mark.parametrize(
    "make", [pytest.param(archive_bomb, marks=pytest.mark.deep), pytest.param(gzip_bomb, marks=pytest.mark.deep),
             false_claim]
)  # fmt: skip
def test_a_bomb_is_refused_in_little_memory(tmp_path, make):
    path = make(tmp_path)
    assert path.stat().st_size < 4e6
    code = (
        "import sys; from pathlib import Path; from neuromm.studies.pictures import load_pictures\n"
        "try: load_pictures(sys.argv[1])\n"
        "except ValueError as error: print('refused:', error)\n"
        # its own peak: ru_maxrss of a child begins at what its parent held
        "print(int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    said, megabytes = done.stdout.strip().splitlines()
    print(f"{path.stat().st_size} bytes: {said}; {megabytes} MB")
    assert said.startswith("refused:") and int(megabytes) < 1200


def test_a_header_that_claims_terabytes_allocates_nothing(tmp_path):
    """Of a .npy and of a safetensors file; the address space is bounded while they are read."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    from neuromm.sweeps.work import array_of

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises((ValueError, MemoryError)):
        array_of(head.getvalue() + bytes(80))
    claim = json.dumps({"w": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}).encode()
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(claim)) + claim + bytes(80))
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        load_weights(tmp_path / "w.safetensors")
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}")
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        load_weights(tmp_path / "w.safetensors")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000
