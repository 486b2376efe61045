// @ts-check
import { findRecorded, forgetProcess, processFacts, recordProcess } from './process-record.mjs';
import { codeOf, SetupError } from './setup-error.mjs';

/**
 * One runner at a time keeps its things in a state folder: two would end each other's Redis and apps as left behind.
 * @param {import('./setup-context.mjs').SetupContext} context
 */
export function claimCheckout({ paths, stops }) {
  const marker = '.mjs';
  for (;;) {
    try {
      recordProcess(paths.run, 'runner', { pid: process.pid, marker }, { exclusive: true });
      break;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const other = findRecorded(paths.run, 'runner');
    if (other) {
      throw new SetupError(`Function Runner is running here already (pid ${other.pid}: ${processFacts(other.pid)?.command ?? ''}).`, `Stop it with Ctrl-C or \`kill ${other.pid}\`, or set FUNCTION_RUNNER_STATE_DIR=.runner-2 to run another one beside it.`);
    }
    forgetProcess(paths.run, 'runner');
  }
  const release = () => forgetProcess(paths.run, 'runner');
  stops.push({ name: 'claim', stop: release, force: release });
}
