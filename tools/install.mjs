// @ts-check
// The first step of start, dev and test alone: the npm dependencies of the lock. For CI and Dockerfiles.
import { runProgram } from './setup/program.mjs';
import { setUpDependencies, setUpNode } from './setup/set-up.mjs';

void runProgram(async (context) => {
  await setUpNode(context);
  await setUpDependencies(context);
  return 0;
});
