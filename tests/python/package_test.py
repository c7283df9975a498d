"""The package itself: how it finds the library and the command, and that everything public is documented and typed."""

import inspect
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import typing
import unittest

from support import sm

FOLDER = pathlib.Path(sm.__file__).parent
INSTALLED = "SCOREMATCH_TEST_INSTALLED" in os.environ


def run_module(*arguments, folder=None, **environment):
    """Runs `python -m scorematch` from this package, or from a copy of it."""
    paths = {"PYTHONPATH": str(folder or FOLDER.parent)}
    return subprocess.run([sys.executable, "-m", "scorematch", *arguments], env={**os.environ, **paths, **environment},
                          capture_output=True, text=True)


class LibraryTest(unittest.TestCase):
    def test_a_missing_library_is_named_with_the_remedy(self):
        run = run_module(SCOREMATCH_LIBRARY="/no/such.so")
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("/no/such.so cannot be loaded", run.stderr)
        self.assertIn("set SCOREMATCH_LIBRARY to the path of libscorematch.so", run.stderr)

    def test_the_library_in_the_package_is_found_first(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder, "scorematch")
            copy.mkdir()
            for file in FOLDER.glob("*.py"):
                (copy / file.name).write_text(file.read_text())
            for place in ("lib", "lib/x86_64-linux-gnu", "lib64"):
                library = copy / place / "libscorematch.so.0.2"
                library.parent.mkdir(exist_ok=True)
                library.write_text("not a library")
                run = run_module(folder=folder, SCOREMATCH_LIBRARY="")
                self.assertIn(f"the library {library} cannot be loaded", run.stderr)
                library.unlink()


class CommandTest(unittest.TestCase):
    def test_becomes_the_command(self):
        with tempfile.TemporaryDirectory() as folder:
            command = pathlib.Path(folder, "scorematch")
            command.write_text('#!/bin/sh\necho "$@"\nexit 3\n')
            command.chmod(command.stat().st_mode | stat.S_IXUSR)
            run = run_module("train", "a b", "--help", SCOREMATCH_COMMAND=str(command))
            self.assertEqual((run.returncode, run.stdout), (3, "train a b --help\n"))
            if not INSTALLED:  # with the sources, the one on the PATH
                run = run_module("info", PATH=folder, SCOREMATCH_COMMAND="")
                self.assertEqual((run.returncode, run.stdout), (3, "info\n"))

    def test_a_missing_command_is_named_with_the_remedy(self):
        run = run_module("info", SCOREMATCH_COMMAND="/no/such")
        self.assertEqual(run.returncode, 127)
        self.assertIn("/no/such cannot be run", run.stderr)
        self.assertIn("set SCOREMATCH_COMMAND to the path of the command", run.stderr)

    @unittest.skipIf(INSTALLED, "an installed package has a command")
    def test_without_a_command_it_says_so(self):
        run = run_module("info", PATH="/no", SCOREMATCH_COMMAND="")
        self.assertEqual(run.returncode, 127)
        self.assertIn("this package has no command, and there is none on the PATH", run.stderr)


def public_functions():
    """(name, function) for the functions and methods of everything that the package exports."""
    for name in sm.__all__:
        what = getattr(sm, name)
        if not inspect.isclass(what) or not what.__module__.startswith("scorematch"):
            continue
        for member, value in vars(what).items():
            value = getattr(value, "__func__", value)  # of a class method
            value = getattr(value, "fget", value)  # of a property
            of_class = member in ("__init__", "__getitem__", "__setitem__")
            if inspect.isfunction(value) and (of_class or not member.startswith("_")):
                if value.__module__.startswith("scorematch"):
                    yield f"{name}.{member}", value


class DocumentationTest(unittest.TestCase):
    def test_classes_and_functions_have_docstrings(self):
        missing = [name for name in sm.__all__ if inspect.isclass(getattr(sm, name)) and not getattr(sm, name).__doc__]
        # The constructors of these are not for users, or only store what they are given.
        exempt = {"Buffer.__init__", "View.__init__", "Error.__init__"}
        names = [name for name, _ in public_functions()]
        missing += [name for name, value in public_functions() if not value.__doc__ and name not in exempt]
        self.assertEqual(missing, [])
        self.assertGreater(len(names), 60)
        self.assertIn("LossPlan.run", names)
        self.assertIn("Engine.best", names)

    def test_functions_are_typed(self):
        for name, value in public_functions():
            scope = {**vars(sm), **vars(sys.modules[value.__module__])}
            hints = typing.get_type_hints(value, scope)
            for parameter in list(inspect.signature(value).parameters)[1:] + ["return"]:
                self.assertIn(parameter, hints, name)
        self.assertTrue((FOLDER / "py.typed").exists())

    def test_run_has_the_fields_of_the_c_structs(self):
        """A field that is added to a struct must be added to run(), too."""
        for plan in (sm.LossPlan, sm.ScorePlan, sm.HeadPlan, sm.PerturbPlan):
            parameters = set(inspect.signature(plan.run).parameters)
            outputs = {name for name, _ in plan._out._fields_} - {"struct_size"}
            inputs = {name for name, _ in plan._in._fields_} - {"struct_size", "batch"}
            both = {"sigma", "eps"} if plan is sm.PerturbPlan else set()
            self.assertLessEqual((outputs - both) | {name + "_out" for name in both} | inputs, parameters, plan)


if __name__ == "__main__":
    unittest.main()
