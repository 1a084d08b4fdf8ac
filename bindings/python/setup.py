"""setup.py - what pyproject.toml cannot say: the wheel is for any Python 3, on machines of the library inside it."""

import os
import sys

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel

if not os.path.exists("attnguide/libattnguide.so"):
    sys.exit("there is no library to pack here: run `make wheel` in the root of the source tree")


class Package(Distribution):
    """One of a platform, though no module is compiled."""

    def has_ext_modules(self):
        return True


class Wheel(bdist_wheel):
    def get_tag(self):
        return "py3", "none", os.environ["ATTNGUIDE_PLATFORM"]


setup(distclass=Package, cmdclass={"bdist_wheel": Wheel})
