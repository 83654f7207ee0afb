"""Opens a member of a zip archive that is packed in one of the two ways which need little memory."""

import zipfile
from typing import IO

PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def open_member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """The member's content as a stream; BadZipFile, or what zipfile raises, if it cannot be had.

    NumPy and NIST write no other kinds, and unpacking LZMA takes as much memory as the archive asks.
    """
    info = archive.getinfo(name)
    if info.compress_type not in PACKED:
        raise zipfile.BadZipFile(f"{name} is packed in an unusual way ({info.compress_type})")
    return archive.open(name)
