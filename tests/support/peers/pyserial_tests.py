"""Runs pyserial's own test scripts: FOLDER PORT 'EXCLUDED TEST …' SCRIPT …

Excluded is a test by its identifier, or a class of them. Prints `RAN`, how many tests ran and how many
skipped themselves; the exit code is 1 when one failed.
"""

import os
import sys
import time
import types
import unittest

folder, port, excluded, *scripts = sys.argv[1:]
excluded = excluded.split()
sys.path.insert(0, folder)

# The scripts allow a character 50 ms to come back: the longer the more programs share a processor.
waiting = os.getloadavg()[0] / os.cpu_count()
longer = min(1, 0.2 * max(1, waiting))
patient = types.SimpleNamespace(**vars(time))
patient.sleep = lambda seconds: time.sleep(max(seconds, longer))


class Result(unittest.TextTestResult):
    """Begins each test a while after the one before: what that one wrote has reached the port."""

    def startTest(self, test):
        time.sleep(longer)
        super().startTest(test)


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


suite = unittest.TestSuite()
for script in scripts:
    module = __import__(script)
    module.PORT = port
    if hasattr(module, "time"):
        module.time = patient
    for test in tests_of(unittest.defaultTestLoader.loadTestsFromModule(module)):
        if not any((test.id() + ".").startswith(each + ".") for each in excluded):
            suite.addTest(test)
result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2, resultclass=Result).run(suite)
print("RAN", result.testsRun - len(result.skipped), len(result.skipped))
sys.exit(not result.wasSuccessful())
