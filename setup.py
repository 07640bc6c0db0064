"""Puts the app's start files, which stand beside the package, into the wheel: `convviz/site`."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
START_FILES = ("app.py", "pages/*.py", ".streamlit/config.toml")


class BuildWithStartFiles(build_py):
    """Copies the package, and then the start files; a checkout that is linked has them already."""

    def run(self) -> None:
        """Copy."""
        super().run()
        if self.editable_mode:
            return
        for pattern in START_FILES:
            for file in sorted(ROOT.glob(pattern)):
                target = Path(self.build_lib) / "convviz" / "site" / file.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                self.copy_file(str(file), str(target))


setup(cmdclass={"build_py": BuildWithStartFiles})
