"""run.py FILE ... - the tests of these files. The last line counts them: N passed, N failed, N skipped."""
import importlib
import os
import sys
import unittest


def main():
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    suite = unittest.TestSuite(
        unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(os.path.basename(name)[:-3]))
        for name in sys.argv[1:])
    found = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(suite)
    for test, why in found.skipped:
        print(f"skipped: {test}: {why}")
    failed, skipped = len(found.failures) + len(found.errors), len(found.skipped)
    print(f"{found.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return failed != 0


sys.exit(main())
