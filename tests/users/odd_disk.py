"""A real file system (FUSE) over a folder, on which chosen operations fail, as on those of other systems.

`python odd_disk.py FOLDER PLACE chmod=EPERM fsyncdir=EIO` mounts it until it is unmounted. With `capitals=no`
names that differ in capitals alone are the same.
"""

import errno
import os
import sys
from functools import wraps
from pathlib import Path

from mfusepy import FUSE, FuseOSError, Operations


class OddDisk(Operations):
    """Passes everything on to a folder, but for what fails."""

    use_ns = True

    def __init__(self, folder, fails, capitals):
        self._folder, self.fails, self._capitals = folder, fails, capitals

    def place(self, path):
        place = Path(self._folder)
        for part in Path(path).parts[1:]:
            alike = () if self._capitals or not place.is_dir() else [path.name for path in place.iterdir()]
            place /= next((name for name in alike if name.lower() == part.lower()), part)
        return place

    def getattr(self, path, handle=None):
        found = os.lstat(path)
        names = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size")
        times = {f"st_{name}time": getattr(found, f"st_{name}time_ns") for name in "amc"}
        return {name: getattr(found, name) for name in names} | times

    def readdir(self, path, handle):
        return [".", "..", *(entry.name for entry in path.iterdir())]

    def create(self, path, mode, fi=None):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

    def open(self, path, flags):
        return os.open(path, flags)

    def read(self, path, size, offset, handle):
        return os.pread(handle, size, offset)

    def write(self, path, data, offset, handle):
        return os.pwrite(handle, data, offset)

    def truncate(self, path, length, handle=None):
        os.truncate(path, length)

    def release(self, path, handle):
        os.close(handle)

    def fsync(self, path, datasync, handle):
        os.fsync(handle)

    def fsyncdir(self, path, datasync, handle):
        return 0

    def chmod(self, path, mode):
        path.chmod(mode)

    def mkdir(self, path, mode):
        path.mkdir(mode)

    def rmdir(self, path):
        path.rmdir()

    def unlink(self, path):
        path.unlink()

    def rename(self, old, new):
        old.rename(self.place(new))

    def utimens(self, path, times=None):
        os.utime(path, ns=times)

    def statfs(self, path):
        found = os.statvfs(path)
        return {
            name: getattr(found, name) for name in dir(found) if name.startswith("f_") and name != "f_fsid"
        }


def _odd(operation):
    @wraps(operation)
    def carried_out(self, path, *arguments):
        if operation.__name__ in self.fails:
            raise FuseOSError(getattr(errno, self.fails[operation.__name__]))
        try:
            return operation(self, self.place(path), *arguments)
        except OSError as error:
            raise FuseOSError(error.errno) from None

    return carried_out


for _name, _operation in list(vars(OddDisk).items()):
    if hasattr(Operations, _name) and callable(_operation) and not _name.startswith("_"):
        setattr(OddDisk, _name, _odd(_operation))


if __name__ == "__main__":
    folder, place, *options = sys.argv[1:]
    fails = dict(option.split("=") for option in options)
    capitals = fails.pop("capitals", "yes") == "yes"
    FUSE(OddDisk(folder, fails, capitals), place, foreground=True, nothreads=True, default_permissions=True)
