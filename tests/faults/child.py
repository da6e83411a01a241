"""A process with little memory that is given hostile input, and tells after each what became of it.

    python child.py CASES RESULTS FOLDER BYTES SECONDS

CASES holds a JSON object a line; RESULTS gets one a line, and before it the case's number, so that whoever
started this process can name the input at which it died. Every case goes the way of the command line; a sound
spec ends where its kernel would be compiled. Watched from inside: what escapes as a traceback, what is
executed, started, or opened for writing outside FOLDER (by Python's audit events), what is left in FOLDER,
what is printed, and the memory at its largest.
"""

from __future__ import annotations

import ast
import base64
import collections
import dataclasses
import functools
import io
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

STARTED = ("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn")
STARTED += ("subprocess.Popen", "socket.connect", "socket.bind", "ctypes.dlopen", "pickle.find_class")
CHANGED = (
    "os.chmod",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
)
READ = tuple(os.path.realpath(place) for place in (sys.prefix, sys.base_prefix, Path(__file__).parents[2]))


class Guard:
    """Listens to Python's audit events; once set it cannot be taken off, so it can only look away."""

    def __init__(self, folder: Path) -> None:
        self.allowed = os.path.realpath(folder) + os.sep
        self.looking = False
        self.seen: list[str] = []
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.looking:
            return
        self.looking = False  # what the hook itself does is of no interest
        try:
            if self.forbids(event, arguments):
                self.seen.append(f"{event} {arguments!a}"[:200])
        finally:
            self.looking = True

    def forbids(self, event: str, arguments: tuple[object, ...]) -> bool:
        if event == "exec":  # modules are executed when they are first imported, and stand in files
            return not (self.is_ours(getattr(arguments[0], "co_filename", "")) or self.by_dataclasses())
        if (
            event == "compile"
        ):  # a formula is parsed, with no name for its text; a name is given to be executed
            return arguments[1] != "<unknown>" and not (self.is_ours(arguments[1]) or self.by_dataclasses())
        if event == "open":
            return self.writes(arguments) and not self.inside(arguments[0])
        if event in CHANGED:
            return not self.inside(arguments[0])
        return event in STARTED

    @staticmethod
    def by_dataclasses() -> bool:
        """Tell whether the standard library makes a class, of modules that are imported late."""
        frame = sys._getframe(3)
        return frame.f_code.co_filename in (dataclasses.__file__, collections.__file__)

    @staticmethod
    def is_ours(name: object) -> bool:
        frozen = isinstance(name, str) and name.startswith("<frozen ")
        return frozen or os.path.realpath(str(name)).startswith(READ)

    @staticmethod
    def writes(arguments: tuple[object, ...]) -> bool:
        flags = arguments[2] if isinstance(arguments[2], int) else 0
        return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))

    def inside(self, place: object) -> bool:
        if not isinstance(place, str | bytes | os.PathLike):
            return True  # a file that is open already
        return (os.path.realpath(os.fsdecode(place)) + os.sep).startswith(self.allowed)


# ---- what is done with a case


def spec_case(case: dict, folder: Path) -> list[str]:
    file = folder / case.get("name", "spec.toml")
    file.unlink(missing_ok=True)  # a disk waits where a file is cut to nothing and written again
    file.write_bytes(base64.b64decode(case["text"]))
    return ["run", str(file), "--out", str(folder / "out"), "--quiet", *case.get("more", ())]


def planted(case: dict, folder: Path) -> None:
    """Do what the detectors must find: the control of each."""
    match case["planted"]:
        case "traceback":
            raise KeyError("planted")
        case "code":  # what a formula would do if it were evaluated as Python
            eval("__import__('os').getcwd()")
        case "start":
            eval("__import__('os').system('true')")
        case "outside":
            (Path(case["place"])).write_text("planted")
        case "inside":
            (folder / "planted").write_text("planted")
        case "memory":
            bytearray(2**40)
        case "growth":
            bytearray(b"x" * 400_000_000)
        case "read whole":
            import pyarrow.parquet as parquet

            parquet.read_table(case["place"])
        case "signal":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "for ever":
            while True:
                pass
        case "escape":
            print("error: \x1b]0;planted\x07", file=sys.stderr)


PARTS = (ast.Module, ast.Assign, ast.Expr, ast.Name, ast.Load, ast.Store, ast.Constant, ast.Call, ast.BinOp)
PARTS += (
    ast.UnaryOp,
    ast.USub,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.Compare,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
)
PARTS += (ast.BitAnd, ast.BitOr, ast.BitXor)
CALLED = ("fma", "sqrt", "exp", "log", "sin", "cos", "tanh")


def check_written(graph: object, nodes: list[int], symbols: list[str]) -> None:
    """Hold the text that a kernel is made of against what it may be made of."""
    lines, results = graph.emit(nodes)
    for part in ast.walk(ast.parse("\n".join([line.strip() for line in lines] + results))):
        assert isinstance(part, PARTS), ast.dump(part)
        if isinstance(part, ast.Name):
            assert part.id in (*symbols, *CALLED) or re.fullmatch(r"t\d+", part.id), part.id
        if isinstance(part, ast.Constant):
            assert type(part.value) in (float, bool), part.value
        if isinstance(part, ast.Call):
            assert part.func.id in CALLED
            assert not part.keywords


class Reader:
    """What Python offers besides the command line."""

    def __init__(self) -> None:
        import pyarrow as pa

        from fluctua.ensembles.columns import Column

        self.columns = [Column(name, "1", name) for name in ("work", "heat", "q_initial", "q_final")]
        self.batch = pa.record_batch({column.name: [0.5, -1.0, 2.0] for column in self.columns})

    def column_formula(self, text: str, where: str) -> None:
        from fluctua.ensembles.formula import Formula

        formula = Formula(text, self.columns, where)
        formula.evaluate(self.batch)
        check_written(formula._graph, [formula._node], formula.columns)

    def rows(self, folder: str) -> None:
        """Read all tables of a run, as the verdicts and `to_pandas` do."""
        from fluctua.ensembles.runs import open as open_run

        run = open_run(folder)
        for table in (run, run.strokes, run.paths):
            for _ in table.batches():
                pass

    def potential(self, keywords: dict) -> None:
        from fluctua.stochastic.potential import Potential

        made = Potential(**keywords)
        made.force([[0.5, 1.0]], [0.5])
        check_written(
            made.graph, [made.energy_node, *made.gradient, *made.force_nodes], [*made.names.values()]
        )

    def protocol(self, formula: str, word: str) -> None:
        from fluctua.stochastic.protocol import Protocol

        step = {"kind": "Thermostatic" if word == "beta" else "Isothermal", "duration": 1.0, word: formula}
        controls = ["E"] if word == "E" else []
        Protocol([step], **({} if word == "beta" else {"beta": 1.0})).schedule(0.125, controls, ["bath"])


def run_python(case: dict, reader: Reader) -> int:
    from fluctua.stochastic.errors import FluctuaError

    try:
        getattr(reader, case["python"])(*case["arguments"])
    except FluctuaError as error:
        print("error:", error, file=sys.stderr)
        return error.exit_code
    return 0


def carried_out(case: dict, folder: Path, reader: Reader) -> int | None:
    if "planted" in case:
        planted(case, folder)
        return 0
    if "python" in case:
        return run_python(case, reader)
    from fluctua.cli import main

    arguments = spec_case(case, folder) if "text" in case else case["arguments"]
    return main(arguments)


# ---- the process


def stop_before_kernels() -> None:
    """End every sound spec where it would begin to cost time."""
    from fluctua import cli
    from fluctua.ensembles import run
    from fluctua.stochastic.errors import Unstable

    def stop(*_: object, **__: object) -> None:
        raise Unstable("the spec was sound")

    run.check_stability = stop
    cli._parser = functools.cache(cli._parser)  # made anew for each command, it takes most of the time


def memory(word: str) -> int:
    """Give the bytes in memory, VmRSS, or their largest number since `forget_largest`, VmHWM."""
    return int(re.search(rf"{word}:\s*(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024


def forget_largest() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def judged(case: dict, folder: Path, guard: Guard, reader: Reader) -> dict:
    """Carry out one case and say what became of it."""
    folder.mkdir(exist_ok=True)
    out, err, broken, code = io.StringIO(), io.StringIO(), "", None
    forget_largest()
    before, held, guard.seen = time.process_time(), memory("VmRSS"), []
    with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
        guard.looking = True
        try:
            code = carried_out(case, folder, reader)
        except BaseException:
            broken = traceback.format_exc()[-2000:]
        finally:
            guard.looking = False
    left = [name for name in os.listdir(folder) if not name.startswith("spec.")]
    if left:
        shutil.rmtree(folder)
    return {
        "code": code,
        "error": err.getvalue()[-5000:],
        "printed": out.getvalue()[-5000:],
        "traceback": broken,
        "left": left[:5],
        "events": guard.seen[:5],
        "memory": memory("VmHWM") - held,
        "seconds": time.process_time() - before,
    }


def main(cases: str, results: str, folder: str, memory: str, seconds: str) -> None:
    import fluctua.analysis.parquet_tables
    import fluctua.ensembles.forecast
    import fluctua.running
    import fluctua.verifying
    import fluctua.wording  # noqa: F401
    from fluctua.cli import main as command

    place = Path(folder)
    reader = Reader()
    tempfile.tempdir = folder  # numbers of a long table go to a nameless file
    stop_before_kernels()
    with redirect_stderr(io.StringIO()):
        command(["run", str(Path(__file__).parents[2] / "examples" / "squeeze.toml"), "--out", str(place)])
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    end = int(time.process_time() + float(seconds) + 1.0)
    resource.setrlimit(resource.RLIMIT_CPU, (end, end + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    guard = Guard(place)
    with open(cases, encoding="utf-8") as given, open(results, "w", encoding="utf-8") as told:
        for number, line in enumerate(given):
            print(number, file=told, flush=True)
            print(json.dumps(judged(json.loads(line), place, guard, reader)), file=told, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
