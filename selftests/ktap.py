# SPDX-License-Identifier: MIT
"""unittest that prints KTAP: a line for each test as it ends, and what failed as comments."""
import sys
import unittest


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number = 0

    def _line(self, word, test, more=""):
        self.number += 1
        name = test.shortDescription() or str(test)
        print(f"{word} {self.number} {name}{more}", flush=True)

    def addSuccess(self, test):
        self._line("ok", test)

    def addSkip(self, test, reason):
        self._line("ok", test, f" # SKIP {reason}")

    def addError(self, test, err):
        super().addError(test, err)
        self._bad(test, self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._bad(test, self.failures[-1][1])

    def _bad(self, test, text):
        for line in text.rstrip().splitlines():
            print("#", line)
        self._line("not ok", test)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            super().addSubTest(test, subtest, err)
            self._bad(subtest, (self.failures + self.errors)[-1][1])


def main(module="__main__"):
    """Run the module's tests, or those whose names are arguments. Ends the process."""
    loader = unittest.TestLoader()
    loaded = sys.modules[module]
    suite = (loader.loadTestsFromNames(sys.argv[1:], loaded) if len(sys.argv) > 1
             else loader.loadTestsFromModule(loaded))
    result = Result()
    print("KTAP version 1")
    print(f"1..{suite.countTestCases()}", flush=True)
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() and result.number else 1)
