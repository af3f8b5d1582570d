"""Files that the usual libraries do not write: every BMP, TIFF of few bits or with reversed bits, MATLAB 7.3. What is
written here is read again by an independent library before anything is compared with it (`check.py`)."""

import struct

import h5py
import numpy as np


def pack_bits(values: np.ndarray, bits: int) -> np.ndarray:
    """Rows of `values` packed from the highest bit on, each row ending on a byte: HW -> H x bytes, uint8."""
    shifts = np.arange(bits - 1, -1, -1)
    unpacked = (values[..., None] >> shifts) & 1
    return np.packbits(unpacked.reshape(values.shape[0], -1).astype(np.uint8), axis=1)


def write_bmp(path, values: np.ndarray, bits: int, colours=None, top_down=False, rle=False) -> None:
    """`values`: HW indices with `colours` (1, 4 or 8 bits), or HW3 or HW4 (24 or 32 bits)."""
    height, width = values.shape[:2]
    if bits <= 8:
        rows = pack_bits(values.astype(np.uint8), bits)
        table = b"".join(bytes([b, g, r, 0]) for r, g, b in colours)
    else:
        blue_first = values[..., [2, 1, 0, 3][: bits // 8]]
        rows = blue_first.reshape(height, -1).astype(np.uint8)
        table = b""
    rows = np.pad(rows, [(0, 0), (0, -rows.shape[1] % 4)])
    if not top_down:
        rows = rows[::-1]
    data = rle8(values[::-1]) if rle else rows.tobytes()
    offset = 14 + 40 + len(table)
    header = struct.pack("<2sIHHI", b"BM", offset + len(data), 0, 0, offset)
    info = struct.pack(
        "<IiiHHIIiiII",
        40, width, -height if top_down else height, 1, bits, 1 if rle else 0, len(data), 2835, 2835, len(table) // 4, 0,
    )
    path.write_bytes(header + info + table + data)


def rle8(rows: np.ndarray) -> bytes:
    out = bytearray()
    for row in rows:
        at = 0
        while at < len(row):
            run = 1
            while run < 255 and at + run < len(row) and row[at + run] == row[at]:
                run += 1
            out += bytes([run, int(row[at])])
            at += run
        out += b"\0\0"
    return bytes(out) + b"\0\1"


def write_tiff(path, width: int, height: int, data: bytes, tags: dict, byteorder="<") -> None:
    """One strip of `data` as it is. `tags`: number -> (type, values); type 3 is SHORT, 4 LONG."""
    entries = {256: (3, [width]), 257: (3, [height]), 259: (3, [1]), 277: (3, [1]), 278: (3, [height]), **tags}
    entries[273] = (4, [8])
    entries[279] = (4, [len(data)])
    codes = {3: "H", 4: "I"}
    start = 8 + len(data) + len(data) % 2
    after = start + 2 + 12 * len(entries) + 4
    directory, extra = struct.pack(byteorder + "H", len(entries)), b""
    for tag in sorted(entries):
        kind, values = entries[tag]
        packed = struct.pack(f"{byteorder}{len(values)}{codes[kind]}", *values)
        directory += struct.pack(byteorder + "HHI", tag, kind, len(values))
        if len(packed) <= 4:
            directory += packed.ljust(4, b"\0")
        else:
            directory += struct.pack(byteorder + "I", after + len(extra))
            extra += packed + b"\0" * (len(packed) % 2)
    magic = (b"II" if byteorder == "<" else b"MM") + struct.pack(byteorder + "HI", 42, start)
    path.write_bytes(magic + data + b"\0" * (len(data) % 2) + directory + bytes(4) + extra)


def reversed_bits(data: bytes) -> bytes:
    table = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
    return data.translate(table)


def write_mat73(path, name: str, values: np.ndarray, kind: str | None = None, field: str = "") -> None:
    """As MATLAB writes -v7.3: columns are HDF5's rows, behind 512 bytes of its own. With `field` within a struct."""
    with h5py.File(path, "w", userblock_size=512) as file:
        parent = file
        if field:
            parent = file.create_group(name)
            parent.attrs["MATLAB_class"] = np.bytes_("struct")
        logical = values.dtype == bool
        stored = (values.astype(np.uint8) if logical else values).T
        item = parent.create_dataset(field or name, data=stored, compression="gzip", chunks=stored.shape)
        names = {"float32": "single", "float64": "double"}
        item.attrs["MATLAB_class"] = np.bytes_(kind or ("logical" if logical else names.get(str(values.dtype), str(values.dtype))))
        if logical:
            item.attrs["MATLAB_int_decode"] = np.int32(1)
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 ."
    with open(path, "r+b") as file:
        file.write(header.ljust(116) + bytes(8) + (0x0200).to_bytes(2, "little") + b"IM")


def write_mat73_sparse(path, name: str, values: np.ndarray) -> None:
    """As MATLAB writes a sparse matrix: a group of data, row indices and column starts."""
    from scipy.sparse import csc_matrix

    matrix = csc_matrix(values)
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group(name)
        group.attrs["MATLAB_class"] = np.bytes_("logical" if values.dtype == bool else "double")
        group.attrs["MATLAB_sparse"] = np.uint64(values.shape[0])
        group["data"] = matrix.data.astype("u1" if values.dtype == bool else "f8")
        group["ir"] = matrix.indices.astype("u8")
        group["jc"] = matrix.indptr.astype("u8")
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 ."
    with open(path, "r+b") as file:
        file.write(header.ljust(116) + bytes(8) + (0x0200).to_bytes(2, "little") + b"IM")
