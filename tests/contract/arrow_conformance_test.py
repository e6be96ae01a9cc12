"""Another Arrow implementation reads what the SDK exports: every type, with and without nulls, sliced, empty.

Needs pyarrow, which is taken from the machine or installed below the build folder; without it the test is
skipped (exit code 77) with the reason.
"""

import ctypes
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

SKIPPED = 77
BUILD = Path(os.environ["FLOWRUN_BUILD_DIR"])
SOURCE = Path(os.environ["FLOWRUN_SOURCE_DIR"])
PLUGIN = Path(os.environ["FLOWRUN_TEST_PLUGIN_DIR"]) / "arrow_cases.so"


def skip(reason):
    print("skipped: " + reason)
    sys.exit(SKIPPED)


def import_pyarrow():
    """pyarrow with text views (16 or newer), or a skipped test."""
    packages = BUILD / "python-packages"
    sys.path.insert(0, str(packages))
    try:
        import pyarrow
    except ImportError:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:",
                   "--disable-pip-version-check", "--target", str(packages), "pyarrow"]
        try:
            done = subprocess.run(command, timeout=150, capture_output=True, text=True, check=False)
        except (OSError, subprocess.TimeoutExpired) as trouble:
            skip(f"pyarrow is missing and cannot be installed: {trouble}")
        if done.returncode != 0:
            skip("pyarrow is missing and cannot be installed: " + done.stderr.strip()[-300:])
        importlib.invalidate_caches()  # the folder was not there when it was looked into
        try:
            import pyarrow
        except ImportError as trouble:
            skip(f"pyarrow was installed and cannot be imported: {trouble}")
    if not hasattr(pyarrow, "string_view"):
        skip(f"pyarrow {pyarrow.__version__} does not know text views; 16 does")
    return pyarrow


if os.environ.get("FLOWRUN_SANITIZE"):
    skip("a plugin built with a sanitizer cannot be loaded by a Python that was not")


def offset(struct, member):
    layout = (SOURCE / "tests/abi/layout.inc").read_text()
    return int(re.search(rf"FLOW_FROZEN_OFFSET\({struct}, {member}, (\d+)\)", layout).group(1))


def pointer_at(address, struct, member):
    return ctypes.c_void_p.from_address(address + offset(struct, member)).value


def load_cases():
    """The two functions of the plugin's extension, found through the C ABI with a host that is not there."""
    try:
        library = ctypes.CDLL(str(PLUGIN))
    except OSError as trouble:
        skip(f"the plugin cannot be loaded into Python: {trouble}")
    void = ctypes.c_void_p
    entry = ctypes.addressof(ctypes.c_char.in_dll(library, "flow_plugin_entry"))
    descriptor = void.from_address(pointer_at(entry, "flow_plugin", "operators")).value
    create = ctypes.CFUNCTYPE(void, void, void, void)(pointer_at(entry, "flow_plugin", "create"))
    component = create(None, descriptor, None)
    instance = ctypes.CFUNCTYPE(void, void, void, ctypes.c_int32)(
        pointer_at(component, "flow_component", "instance"))(component, None, 0)
    extension = ctypes.CFUNCTYPE(void, void, ctypes.c_char_p)(
        pointer_at(instance, "flow_operator", "extension"))(instance, b"test.arrow_cases")
    make, used = (void.from_address(extension + 8 * i).value for i in range(2))
    int32, int64 = ctypes.c_int32, ctypes.c_int64
    return (ctypes.CFUNCTYPE(int32, int64, int32, int64, int64, void, void)(make),
            ctypes.CFUNCTYPE(int64)(used), library)


def expected_rows(rows, nulls):
    longer = "a text that is longer than twelve bytes"

    def text(i):
        return f"t{i}" if i % 2 == 0 else longer + str(i)

    def at(i):
        return {"name": text(i), "lat": i / 2}

    columns = {
        "bool": lambda i: i % 3 == 1,
        "int64": lambda i: i * 1_000_000_007 - 5,
        "float64": lambda i: i * 0.25,
        "timestamp": lambda i: 1_700_000_000_000_000_000 + i,
        "text": text,
        "binary": lambda i: b"\0\xff" + text(i).encode(),
        "category": lambda i: text(i % 4),
        "json": lambda i: f'{{"row": {i}}}',
        "struct": at,
        "list": lambda i: [text(i + k) for k in range(i % 3)],
        "nested": lambda i: [at(i), None, at(i + 1)] if i % 2 == 0 else [],
    }
    return {name: [None if nulls and i % 3 == 0 else cell(i) for i in range(rows)]
            for name, cell in columns.items()}


def values_of(pyarrow, column):
    if isinstance(column, pyarrow.ExtensionArray):
        column = column.storage
    if pyarrow.types.is_timestamp(column.type):
        assert column.type == pyarrow.timestamp("ns", tz="UTC"), column.type
        column = column.cast(pyarrow.int64())
    return column.to_pylist()


def main():
    pyarrow = import_pyarrow()
    make, used, _library = load_cases()
    cases = 0
    for rows in (0, 1, 7, 8, 65, 1000):
        for nulls in (False, True):
            expected = expected_rows(rows, nulls)
            for first, count in {(0, rows), (0, 0), (rows // 3, rows - rows // 3), (rows // 2, rows // 4),
                                 (min(rows, 1), max(0, rows - 2))}:
                # Larger than the structs of the C data interface.
                schema, array = ctypes.create_string_buffer(128), ctypes.create_string_buffer(128)
                assert make(rows, int(nulls), first, count, ctypes.addressof(schema),
                            ctypes.addressof(array)) == 0
                batch = pyarrow.RecordBatch._import_from_c(ctypes.addressof(array), ctypes.addressof(schema))
                batch.validate(full=True)
                where = f"rows {rows}, nulls {nulls}, slice {first}+{count}"
                assert batch.schema.names == list(expected), where
                for name in batch.schema.names:
                    column = batch.column(name)
                    wanted = expected[name][first:first + count]
                    got = values_of(pyarrow, column)
                    assert got == wanted, f"{where}, column {name}: {got} instead of {wanted}"
                    assert column.null_count == wanted.count(None), f"{where}, column {name}"
                    if name in ("text", "list"):
                        kept = column
                cases += 1
                # A child may outlive its batch.
                del batch, column
                assert kept.to_pylist() == expected["list"][first:first + count], where
                del kept
    assert used() == 0, f"{used()} bytes are still held after everything was released"
    print(f"pyarrow {pyarrow.__version__} reads {cases} batches as they were written")


if __name__ == "__main__":
    main()
