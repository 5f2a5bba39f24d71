"""Arrows point down: imports are read from the source and held against the floors."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import neuromm

PACKAGE = Path(neuromm.__file__).parent
# Floor of each room; a module imports from its own floor or below, never above.
FLOORS = {
    "maths": 0,
    "core": 0,
    "_version": 0,
    "stimuli": 1,
    "measures": 1,
    "observers.protocol": 2,
    "observers.readout": 2,
    "catalogue": 2,
    "observers": 2,
    "observers.bayes": 3,
    "observers.rate": 3,
    "observers.ann": 3,
    "observers.spiking": 3,
    "paradigms": 3,
    "datasets": 3,
    "storage": 4,
    "session": 4,
    "plots": 4,
    "studies": 5,
    "sweeps": 5,
    "testing": 5,
    "flags": 6,
    "doctor": 6,
    "cli": 6,
    "report": 4,
    "__main__": 6,
    "": 6,
}
MECHANISMS = ("observers.bayes", "observers.rate", "observers.ann", "observers.spiking")
FORBIDDEN = [  # (from, to): never, whatever the floor
    ("measures", "observers"),
    ("observers", "measures"),
    ("plots", "observers"),
    ("measures", "plots"),
    ("stimuli", "measures"),
    *[(a, b) for a in MECHANISMS for b in MECHANISMS if a != b],
]
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").strip(".")


def room(name):
    while name and name not in FLOORS:
        name = name.rpartition(".")[0]
    return name


def imports(path):
    """(module, line) of every import of a file, also those inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module, node.lineno
            if node.module.startswith("neuromm"):
                yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down_only(path):
    here = room(name_of(path))
    for module, line in imports(path):
        if not module.startswith("neuromm.") or (here == "observers" and path.name == "__init__.py"):
            continue
        there = room(module.removeprefix("neuromm."))
        if there == "":
            continue  # `from neuromm import catalogue`: the name itself is looked at as well
        where = f"{path.relative_to(PACKAGE)}:{line} imports {module}"
        assert FLOORS[there] <= FLOORS[here], f"{where}: from floor {FLOORS[here]} up to floor {FLOORS[there]}"
        for origin, target in FORBIDDEN:
            wrong = (here == origin or here.startswith(origin + ".")) and (
                there == target or there.startswith(target + ".")
            )
            assert not wrong, f"{where}: {origin} never imports {target}"


def modules_imported(path, *, at_top=False):
    """Modules of the package that a file imports, also inside functions (or at its top alone)."""
    known = {name_of(p) for p in MODULES}
    tree = ast.parse(path.read_text())
    found = set()
    for node in tree.body if at_top else ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        found |= {name.removeprefix("neuromm.") for name in names if name.startswith("neuromm.")} & known
    return found - {name_of(path)}


def strongly_connected(graph):
    """Groups of more than one node that reach each other (Tarjan 1972)."""
    number, low, stack, groups = {}, {}, [], []

    def visit(node):
        number[node] = low[node] = len(number)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in number:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == number[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                groups.append(sorted(group))

    for node in sorted(graph):
        if node not in number:
            visit(node)
    return groups


def test_groups_that_reach_each_other_are_found():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": set(), "f": {"g"}, "g": {"f"}}
    assert strongly_connected(graph) == [["a", "b", "c"], ["f", "g"]]


def test_no_modules_import_each_other_in_a_circle():
    graph = {name_of(path): modules_imported(path) for path in MODULES}
    assert strongly_connected(graph) == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_private_names_stay_in_their_file(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("neuromm"):
            private = [alias.name for alias in node.names if alias.name.startswith("_") and alias.name != "__version__"]
            assert not private, f"{path.name}:{node.lineno} imports {private} of {node.module}"


HEAVY = {
    "torch", "brian2", "matplotlib", "tqdm", "safetensors", "pybads", "pyvbmc", "arviz", "pyarrow", "h5netcdf", "zarr",
    "distributed", "dask", "dask_jobqueue", "transformers", "diffusers", "sklearn", "PIL", "scipy", "pandas",
}  # fmt: skip
LIGHT = ("cli", "doctor", "flags", "sweeps.command", "catalogue", "core.lazy")  # --help and doctor load nothing more


def test_imports_inside_functions_keep_an_import_light():
    """Of a heavy or optional package, of a module of ours that loads torch, or of the command line."""
    tops = {name_of(path): path for path in MODULES}

    def loads_torch(name, seen=frozenset()):
        if name in seen or name not in tops:
            return False
        tree = ast.parse(tops[name].read_text())
        if any(isinstance(n, ast.Import) and n.names[0].name == "torch" for n in tree.body):
            return True
        return any(loads_torch(other, seen | {name}) for other in modules_imported(tops[name], at_top=True))

    inside = []
    for path in MODULES:
        tree = ast.parse(path.read_text())
        for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
            for node in function.body + [m for b in function.body for m in ast.walk(b)]:
                if not isinstance(node, ast.Import | ast.ImportFrom):
                    continue
                module = node.names[0].name if isinstance(node, ast.Import) else node.module
                where = f"{path.relative_to(PACKAGE)}:{node.lineno}"
                inside.append(where)
                ours = [f"{module}.{alias.name}".removeprefix("neuromm.") for alias in node.names]
                ours.append(module.removeprefix("neuromm."))
                reason = module.partition(".")[0] in HEAVY or name_of(path) in LIGHT or any(map(loads_torch, ours))
                assert reason, f"{where} imports {module} inside a function: put it on top"
    assert len(set(inside)) <= 100


@pytest.mark.parametrize("path", [p for p in MODULES if name_of(p).startswith("core")], ids=name_of)
def test_the_ground_floor_imports_the_standard_library_only(path):
    for module, line in imports(path):
        root = module.partition(".")[0]
        allowed = root in sys.stdlib_module_names or module.startswith("neuromm.core")
        assert allowed, f"{path.name}:{line} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_torch_and_brian2_stay_in_their_rooms(path):
    here = name_of(path)
    roots = {module.partition(".")[0]: line for module, line in imports(path)}
    if "brian2" in roots:
        assert here.startswith("observers.spiking"), f"{path.name}:{roots['brian2']} imports brian2"
    if "torch" in roots:
        allowed = ("maths", "observers.bayes", "observers.rate", "observers.ann", "measures")
        assert here.startswith(allowed), f"{path.name}:{roots['torch']} imports torch"
        top = [n for n in ast.parse(path.read_text()).body if isinstance(n, ast.Import | ast.ImportFrom)]
        eager = any("torch" in ast.unparse(node) for node in top)
        assert not (here.startswith("measures") and eager), f"{path.name} imports torch eagerly"


@pytest.mark.parametrize(
    "code",
    [
        "import neuromm",
        "import neuromm.cli; neuromm.cli.main(['list'])",
        "import neuromm.cli\ntry: neuromm.cli.main(['--help'])\nexcept SystemExit: pass",
    ],
)
def test_importing_and_help_load_nothing_third_party(code):
    ask = f"{code}\nimport sys; print('\\n'.join(m.partition('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split()) & {
        "numpy",
        "scipy",
        "pandas",
        "torch",
        "brian2",
        "matplotlib",
        "seaborn",
        "xarray",
        "tqdm",
    }
    assert not loaded


def test_ideal_observers_and_tables_load_neither_torch_nor_brian2():
    code = (
        "import neuromm as nm, sys; t = nm.paradigms.ventriloquism(1); nm.present(t, ['causal_inference'], seed=1);"
        "print([m for m in ('torch', 'brian2', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_name_of_the_catalogue_can_be_imported():
    from neuromm import catalogue

    for table in (catalogue.OBSERVERS, catalogue.PARADIGMS, catalogue.STUDIES):
        for name in table:
            assert callable(catalogue.find(table, name, "entry"))


def test_a_function_keeps_its_name_when_its_module_is_imported():
    import neuromm.measures.rdm
    import neuromm.paradigms.ventriloquism  # noqa: F401 - binds the module in its package

    assert callable(neuromm.paradigms.ventriloquism) and callable(neuromm.measures.rdm)


def test_an_unknown_name_is_answered_with_the_near_one():
    with pytest.raises(AttributeError, match="did you mean 'ventriloquism'"):
        _ = neuromm.paradigms.ventriloquist
