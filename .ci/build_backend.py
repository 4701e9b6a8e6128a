"""The build backend: setuptools', with the tests in the source distribution, so that it can be tested.

setuptools takes the list of its files from MANIFEST.in at the top of the tree; here it is ``.ci/sdist.in``.
"""

from setuptools.build_meta import *  # noqa: F403 - a backend is a module that has these names
from setuptools.command.egg_info import manifest_maker

manifest_maker.template = ".ci/sdist.in"
