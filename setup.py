"""Maps the top-level folders to one import name: bench is hexbench, models is hexbench.models."""

from setuptools import find_packages, setup

FOLDERS = {"hexbench": "bench", "hexbench.models": "models"}

setup(
    package_dir=FOLDERS,
    packages=[
        name
        for package, folder in FOLDERS.items()
        for name in (package, *(f"{package}.{found}" for found in find_packages(folder)))
    ],
)
