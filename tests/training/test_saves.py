"Files: two writers on one path and kills, links and permissions, full disks, leftovers, and every kind of damage."
import errno
import json
import os
import stat
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import suites
from lstm_nb import load_tree, read_safetensors, save_tree, write_safetensors
from lstm_nb.exchange import files as W
from lstm_nb.training.loop import fit
from problems import long, tables
from safetensors import numpy

posix = pytest.mark.skipif(os.name != "posix", reason="signals, links and permissions")
both = pytest.mark.parametrize("write, read", [(save_tree, load_tree), (write_safetensors, read_safetensors)], ids=["tree", "weights"])
rounds = 200 if long else 21


def of(n, size=1000): return {"a": np.full(size, float(n))}


def number(tree):
    "Which `of` it is; an error if it is a mixture."
    [n] = {*tree["a"].tolist()}
    return n


def names(folder): return sorted(os.listdir(folder))


# two at a time

two = """
import os, random, signal, sys, time
sys.path[:0] = {tests!r}
from lstm_nb.training import trees
from test_saves import W, load_tree, names, number, of, save_tree
{fault}
path, r, killed, inside, damaged = sys.argv[1], random.Random(0), 0, 0, 0
folder = os.path.dirname(path)
def half(data, sealed=W.sealed):
    head, rest = sealed(data)
    yield head
    yield rest[:len(rest) // 2]
    time.sleep(.02)
    os.kill(os.getpid(), signal.SIGKILL)
save_tree(path, of(0, 300_000))
for n in range({rounds}):
    children, certain = [], n % 3 == 0                      # every third is killed in the middle of its write
    for k in range(2):
        pid = os.fork()
        if not pid:
            try:
                for j in range(3):
                    if certain and (k, j) == (n % 2, 1): trees.sealed = half
                    save_tree(path, of(10*n + 3*k + j, 300_000))
            finally: os._exit(0)
        children.append(pid)
    victim, other = children[n % 2], children[1 - n % 2]
    if not certain:                                         # the others somewhere in three saves
        time.sleep(r.choice([.003, .01, .03, .1]))
        os.kill(victim, signal.SIGKILL)
    died = os.WIFSIGNALED(os.waitpid(victim, 0)[1])
    os.waitpid(other, 0)
    killed, inside = killed + died, inside + (died and certain)
    try: damaged += number(load_tree(path)) not in [0, *range(10*n, 10*n + 6)]
    except ValueError: damaged += 1
    save_tree(path, of(0, 300_000))
print(killed, inside, damaged, *names(folder))
"""


def save_by_two(path, rounds, fault=""):
    "How many writers were killed, how many of them within a write, how often the file was damaged, and what lies in the folder at the end."
    code = two.format(tests=suites, rounds=rounds, fault=fault)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(path)], capture_output=True, text=True, timeout=30 + 3*rounds)
    assert done.returncode == 0, done.stderr
    killed, inside, damaged, *left = done.stdout.split()
    return int(killed), int(inside), int(damaged), left


@posix
def test_two_processes_and_kills(tmp_path):
    "Two save to one path at the same time and one is killed, over and over: one version, whole, and nothing beside it at the end."
    killed, inside, damaged, left = save_by_two(tmp_path/"run", rounds)
    tables.append(f"{rounds} double saves by two processes: {killed} processes killed, {inside} within a write, {damaged} files damaged")
    assert damaged == 0 and left == ["run"] and killed > rounds // 3 and inside == (rounds + 2) // 3


@posix
def test_one_name_for_both_is_seen(tmp_path):
    "What the same test says of writers that share the name of the unfinished file."
    fault = """
W.secrets.token_hex = lambda n: "0"*2*n
W._clear = lambda target: None
W.open = lambda path, mode="rb", **k: open(path, mode.replace("x", "w"), **k)
"""
    for n in range(5):
        (tmp_path/f"{n}").mkdir()
        if save_by_two(tmp_path/f"{n}"/"run", 20, fault)[2]: return
    pytest.fail("never saw a broken file")


def test_threads_on_one_path(tmp_path):
    save_tree(tmp_path/"run", of(0))
    done, read = threading.Event(), []

    def reader():
        while not done.is_set(): read.append(number(load_tree(tmp_path/"run")))
    with ThreadPoolExecutor(9) as pool:
        watch = pool.submit(reader)
        try: list(pool.map(lambda n: [save_tree(tmp_path/"run", of(n)) for _ in range(20)], range(1, 9)))
        finally: done.set()
        watch.result()
    assert len(read) > 3 and number(load_tree(tmp_path/"run")) in range(1, 9) and names(tmp_path) == ["run"]


@both
def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path, write, read):
    "Not so what a living one has open, what belongs to another file, and what only looks alike."
    stay = [".run.part", ".other." + "0"*16 + ".part", ".run." + "0"*15 + ".part", ".run." + "x"*16 + ".part", "run." + "0"*16 + ".part"]
    left = [".run." + f"{n:016x}" + ".part" for n in range(3)]
    for name in stay + left: (tmp_path/name).write_bytes(b"half")
    living = W._part_file(tmp_path/"run", 0o666)[1]
    write(tmp_path/"run", of(1))
    assert names(tmp_path) == sorted([*stay, "run"] + ([os.path.basename(living.name)] if W.fcntl else left))
    living.close()
    write(tmp_path/"run", of(2))
    if W.fcntl: assert names(tmp_path) == sorted([*stay, "run"])


@posix
def test_a_writer_whose_file_is_cleared_before_its_lock_begins_again(tmp_path, monkeypatch):
    lock, cleared = W.fcntl.flock, []

    def late(file, how):
        if not cleared: cleared.extend(tmp_path.glob(".run.*.part")); cleared[0].unlink()
        lock(file, how)
    monkeypatch.setattr(W.fcntl, "flock", late)
    save_tree(tmp_path/"run", of(1))
    assert cleared and number(load_tree(tmp_path/"run")) == 1 and names(tmp_path) == ["run"]


@pytest.mark.parametrize("locks", ["none", "refused"])
def test_without_locks(tmp_path, monkeypatch, locks):
    "As on Windows, and as on some shared disks: everything works but the removal of what others left."
    def refused(*_): raise OSError(errno.ENOLCK, "no locks available")
    if locks == "none": monkeypatch.setattr(W, "fcntl", None)
    else: monkeypatch.setattr(W.fcntl, "flock", refused)
    (tmp_path/(".run." + "0"*16 + ".part")).write_bytes(b"half")
    for n in range(2): save_tree(tmp_path/"run", of(n))
    assert number(load_tree(tmp_path/"run")) == 1 and names(tmp_path) == [".run." + "0"*16 + ".part", "run"]


# links, permissions, places

@posix
@both
def test_links_are_kept(tmp_path, write, read):
    for folder in ("big", "small", "far"): (tmp_path/folder).mkdir()
    links = {"absolute": tmp_path/"big"/"run", "relative": "../big/run", "twice": "relative", "dangling": "../far/new"}
    write(tmp_path/"big"/"run", of(0))
    for n, (name, to) in enumerate(links.items()):
        link = tmp_path/"small"/name
        link.symlink_to(to)
        write(link, of(n))
        assert os.readlink(link) == str(to) and number(read(link)) == n
        assert number(read(tmp_path/("far/new" if name == "dangling" else "big/run"))) == n
    assert names(tmp_path/"small") == sorted(links) and names(tmp_path/"big") == ["run"] and names(tmp_path/"far") == ["new"]
    (tmp_path/"small"/"loop").symlink_to("loop")
    with pytest.raises(OSError) as e: write(tmp_path/"small"/"loop", of(0))
    assert e.value.errno == errno.ELOOP and names(tmp_path/"small") == sorted([*links, "loop"])


@posix
@both
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444, 0o755])
def test_permissions_are_kept(tmp_path, write, read, mode):
    "Those of the old file; before it is there those that the system gives to new ones. Nobody can read the unfinished one who may not read the file."
    code = "import os, sys; sys.path[:0] = {!r}; os.umask({}); import test_saves as t; t.{}({!r}, t.of(0))".format(suites, "0o027", write.__name__, str(tmp_path/"new"))
    if mode == 0o600:
        subprocess.run([sys.executable, "-c", code], check=True)
        assert stat.S_IMODE(os.stat(tmp_path/"new").st_mode) == 0o640
    write(tmp_path/"run", of(0))
    (tmp_path/"run").chmod(mode)
    seen = []
    opened = lambda name, how, **k: seen.append(k["opener"](name, os.O_CREAT | os.O_WRONLY)) or os.fdopen(seen[0], "wb")
    with pytest.MonkeyPatch.context() as m:
        m.setattr(W, "open", lambda name, how="rb", **k: opened(name, how, **k) if how == "xb" else open(name, how), raising=False)
        m.setattr(os, "chmod", lambda part, to, chmod=os.chmod: seen.append(stat.S_IMODE(os.stat(part).st_mode)) or chmod(part, to))
        write(tmp_path/"run", of(1))
    assert seen[1] == 0o600 and stat.S_IMODE(os.stat(tmp_path/"run").st_mode) == mode and number(read(tmp_path/"run")) == 1


@both
def test_places_where_nothing_can_be_saved(tmp_path, monkeypatch, write, read):
    "An error with the path that was given, and nothing left beside it."
    (tmp_path/"folder").mkdir()
    (tmp_path/"file").write_text("x")
    for path, error in ((tmp_path/"folder", IsADirectoryError), (tmp_path/"none"/"run", FileNotFoundError), (tmp_path/"file"/"run", NotADirectoryError)):
        with pytest.raises(error) as e: write(path, of(1))
        assert e.value.filename == str(path)
    if os.name == "posix":
        os.mkfifo(tmp_path/"fifo")
        with pytest.raises(OSError, match="fifo"): write(tmp_path/"fifo", of(1))
        assert stat.S_ISFIFO(os.stat(tmp_path/"fifo").st_mode)
        (tmp_path/"fifo").unlink()
    monkeypatch.setattr(os, "access", lambda *_, **__: False)                                   # root may write everywhere
    with pytest.raises(PermissionError) as e: write(tmp_path/"run", of(1))
    assert e.value.filename == str(tmp_path/"run") and names(tmp_path) == ["file", "folder"]
    with pytest.raises(TypeError): write(None, of(1))


def test_fit_says_so_before_the_first_step(tmp_path):
    def never(*_): raise AssertionError("a step was made")
    for path, error in ((tmp_path, IsADirectoryError), (tmp_path/"none"/"run", FileNotFoundError)):
        with pytest.raises(error): fit(never, {"w": np.ones(2)}, never, 3, path=path, progress=False)


@both
@pytest.mark.parametrize("stage", ["write", "flush", "fsync", "replace", "chmod"])
def test_a_disk_that_is_full(tmp_path, monkeypatch, write, read, stage):
    "The old file stays, and nothing beside it."
    write(tmp_path/"run", of(1))

    def full(*_): raise OSError(errno.ENOSPC, "No space left on device")
    class File:
        def __init__(self, file): self.file = file
        def __enter__(self): return self
        def __exit__(self, *_): self.file.close()
        def __getattr__(self, k): return full if k == stage else getattr(self.file, k)
    if hasattr(os, stage) and stage != "write": monkeypatch.setattr(os, stage, full)
    else: monkeypatch.setattr(W, "open", lambda path, mode="rb", **k: File(open(path, mode, **k)) if mode == "xb" else open(path, mode, **k), raising=False)
    with pytest.raises(OSError, match="No space left"): write(tmp_path/"run", of(2))
    monkeypatch.undo()
    assert number(read(tmp_path/"run")) == 1 and names(tmp_path) == ["run"]


def test_names(tmp_path):
    "Long ones, ones with signs that patterns are made of, and ones that are not a text."
    for name in ("x"*250, "[a]*?", "ü"*120, " ", ".hidden", os.fsdecode(b"\xff") if sys.platform == "linux" else "y"):
        save_tree(tmp_path/name, of(1))
        (tmp_path/f".{name[:40]}.{'0'*16}.part").write_bytes(b"half")
        write_safetensors(str(tmp_path/name), of(2))
        assert number(load_tree_or_weights(tmp_path/name)) == 2 and (not W.fcntl or names(tmp_path) == [name])
        (tmp_path/name).unlink()


def load_tree_or_weights(path): return read_safetensors(str(path))


# damage

refused = {load_tree: "expected a file of save_tree, got something else", read_safetensors: "expected a safetensors file, got something else"}


def test_every_bit_of_a_tree(tmp_path):
    "Length, header, checksum, form and data: no bit may change, and no byte may be missing or too many."
    path = tmp_path/"run"
    save_tree(path, {"n": 7, "a": [np.arange(2.), np.zeros((1, 2), np.float32)]})
    whole = path.read_bytes()
    damaged = [whole[:n] + bytes([whole[n] ^ 1 << bit]) + whole[n + 1:] for n in range(len(whole)) for bit in range(8)]
    for data in damaged + [whole[:n] for n in range(len(whole))] + [whole + b"\0"]:
        path.write_bytes(data)
        with pytest.raises(ValueError, match=f"run: {refused[load_tree]}"): load_tree(path)
    tables.append(f"saved trees with one bit changed: {len(damaged)} refused")


def test_every_bit_of_the_data_of_weights(tmp_path):
    path = tmp_path/"run"
    write_safetensors(path, {"a": np.arange(9.), "b": np.ones(2, np.float16)})
    whole = path.read_bytes()
    for n in range(8 + int.from_bytes(whole[:8], "little"), len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:n] + bytes([whole[n] ^ 1 << bit]) + whole[n + 1:])
            for prefix in ("", "b"):                                                          # of the whole file, whatever is read
                with pytest.raises(ValueError, match=f"run: {refused[read_safetensors]}: it is damaged"): read_safetensors(path, prefix)


def test_other_arrays_of_the_same_length_are_noticed(tmp_path):
    "A header may be damaged so that it is one again: another shape, type or name."
    path = tmp_path/"run"
    write_safetensors(path, {"a": np.ones((2, 3), np.float32)})
    whole = path.read_bytes()
    for a, b in ((b"[2,3]", b"[3,2]"), (b"F32", b"I32"), (b'"a"', b'"b"')):
        path.write_bytes(whole.replace(a, b, 1))
        with pytest.raises(ValueError, match="damaged"): read_safetensors(path)


def test_files_without_a_checksum_are_read(tmp_path):
    "Those of others, and those of older versions; a name that looks like it is not a checksum."
    (tmp_path/"w").write_bytes(numpy.save({"a": np.ones(3)}, {"format": "pt", "x": f'"{W.SEAL}":"{"0"*64}"'}))
    assert number(read_safetensors(tmp_path/"w")) == 1
    write_safetensors(tmp_path/"w", {W.SEAL: np.ones(3)})
    assert read_safetensors(tmp_path/"w")[W.SEAL].tolist() == [1, 1, 1]
    (tmp_path/"t").write_bytes(numpy.save({"a": np.ones(3)}, {"form": '{"dict": {"a": {"array": "a"}}}'}))
    assert number(load_tree(tmp_path/"t")) == 1


def test_others_read_the_files(tmp_path):
    "The arrays begin at a multiple of eight, and the reader of the package takes them."
    for name in ("a", "ab", "ü" * 7, 'q"uo\\te'):
        for write in (save_tree, write_safetensors):
            write(tmp_path/"w", {name: np.arange(3.), "z": np.ones(1, np.float32)})
            whole = (tmp_path/"w").read_bytes()
            assert numpy.load(whole)[name].tolist() == [0, 1, 2] and int.from_bytes(whole[:8], "little") % 8 == 0
            assert [*json.loads(whole[8:8 + int.from_bytes(whole[:8], "little")])][0] == "__metadata__"


forms = {"no JSON": "x", "a list": "[]", "a number": "3", "nan": "NaN", "nothing": "{}", "two kinds": '{"value": 1, "array": "a"}', "an unknown kind": '{"set": []}', "a value that is a list": '{"value": [1]}', "a value that is a dict": '{"value": {}}',
         "a list that is a word": '{"list": ""}', "a list that is a dict": '{"list": {}}', "a list that is nan": '{"list": NaN}', "a tuple that is a word": '{"tuple": "ab"}', "a dict that is a list": '{"dict": []}', "an array that is a number": '{"array": 3}',
         "an array that is a list": '{"array": ["a"]}', "an array that is not there": '{"array": "b"}', "an array twice": '{"list": [{"array": "a"}, {"array": "a"}]}', "an array without a place": '{"value": 1}', "a name twice": '{"dict": {"a": {"array": "a"}, "a": {"value": 1}}}',
         "a kind twice": '{"array": "b", "array": "a"}', "a bomb": '{"list": [' + ", ".join(['{"array": "a"}']*2000) + "]}", "a long number": '{"value": ' + "9"*5000 + "}"}


@pytest.mark.parametrize("form", forms.values(), ids=[*forms])
@pytest.mark.parametrize("sealed", [False, True])
def test_forms_that_are_none(tmp_path, form, sealed):
    "Even with a checksum that fits."
    data = numpy.save({"a": np.ones(3)}, {"form": form})
    (tmp_path/"run").write_bytes(b"".join(W.sealed(data)) if sealed else data)
    with pytest.raises(ValueError, match=f"run: {refused[load_tree]}"): load_tree(tmp_path/"run")


@pytest.mark.parametrize("deep", [500, 3000, 100_000])
@pytest.mark.parametrize("inner", ['{"list": [', '{"dict": {"a": ', "[", '{"a": '])
def test_nested_metadata(tmp_path, deep, inner):
    form = inner*deep + '{"value": 1}' + "".join({"[": "]", "{": "}"}[c] for c in inner if c in "[{")[::-1]*deep
    (tmp_path/"run").write_bytes(numpy.save({}, {"form": form}))
    with pytest.raises(ValueError, match=f"run: {refused[load_tree]}"): load_tree(tmp_path/"run")
    assert read_safetensors(tmp_path/"run") == {}                                              # not of its business
    header = b'{"__metadata__": ' + b'{"a": '*deep + b"1" + b"}"*deep + b"}"
    (tmp_path/"run").write_bytes(struct.pack("<Q", len(header)) + header)
    for read, message in refused.items():
        with pytest.raises(ValueError, match=f"run: {message}"): read(tmp_path/"run")


@pytest.mark.parametrize("n", [2**62, 2**63, 2**64 - 1, 10**9, 100_000_001, 11, 3])
def test_inflated_headers(tmp_path, n):
    for data in (b"{}", b"{}" + b" "*8, f'{{"__metadata__":{{"{W.SEAL}":"{"0"*64}"}}}}'.encode()):
        (tmp_path/"run").write_bytes(struct.pack("<Q", n) + data)
        for read, message in refused.items():
            with pytest.raises(ValueError, match=f"run: {message}"): read(tmp_path/"run")


@pytest.mark.parametrize("data", [b"", b"\0", b"\0"*8, b"\0"*9, b"PK\3\4", b"{}", b"\xff"*100])
def test_files_that_are_none(tmp_path, data):
    (tmp_path/"run").write_bytes(data)
    for read, message in refused.items():
        with pytest.raises(ValueError, match=f"run: {message}"): read(tmp_path/"run")


def test_a_tree_that_is_too_deep_is_not_saved(tmp_path):
    "What is saved can be read: a hundred levels, and not one that holds itself."
    tree = 1
    for _ in range(100): tree = [tree]
    save_tree(tmp_path/"run", tree)
    whole = (tmp_path/"run").read_bytes()
    assert load_tree(tmp_path/"run") == tree
    round_ = {}
    round_["a"] = [round_]
    for wrong in ([tree], round_):
        with pytest.raises(ValueError, match="tree: expected at most 100 levels, got more"): save_tree(tmp_path/"run", wrong)
    assert (tmp_path/"run").read_bytes() == whole
