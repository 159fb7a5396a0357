"""ledger_mutant - the ledger must catch builds that break what it promises.

The broken logs (acknowledging before the sync, not cutting a torn tail) need a loss of power,
which `kill -9` is not: test/fault/log_fault_test.c catches them on a file system in memory."""
import os
import subprocess
import sys

LEDGER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'ledger.py')
MUTANTS = {                                             # name: crash points it needs, what is seen
    'offset-before-effect': (40, ('table has', 'quarantine has')),
    'capture-backwards': (0, ('out of order',)),
    'capture-forgets-what-it-wrote': (20, ('twice on the topic',)),
    'capture-loses-the-last': (0, ('not on the topic', 'topic ends with')),
}

passed = 0
for mutant, (points, words) in MUTANTS.items():
    env = dict(os.environ, LEDGER_MUTANT=mutant, LEDGER_KILLS='3' if points else '0', LEDGER_POINTS=str(points),
               LEDGER_SETTLE='5')
    run = subprocess.run([sys.executable, LEDGER], env=env, text=True, capture_output=True, timeout=400)
    seen = [line for line in run.stdout.splitlines() if line.startswith('caught: ')]
    good = run.returncode == 0 and seen and any(word in seen[0] for word in words)
    print('%s %s: %s' % ('ok  ' if good else 'FAIL', mutant, seen[0][8:160] if seen else run.stdout[-2000:]))
    sys.stdout.flush()
    passed += bool(good)
print('%d passed, %d failed, 0 skipped' % (passed, len(MUTANTS) - passed))
sys.exit(passed < len(MUTANTS))
