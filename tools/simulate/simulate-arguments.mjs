// @ts-check
import { SetupError } from '../setup/setup-error.mjs';

/** As libs/scheduling has them (simulation-policies.mjs), said here so that the command line is read before anything is built. */
const POLICY_WORDS = /** @type {const} */ (['ours', 'fifo', 'first-fit']);

const USAGE = `npm run simulate -- [--trace FILE]... [--policy ${POLICY_WORDS.join('|')}|all] [--json FILE] [--write-docs]`;

/** @typedef {typeof POLICY_WORDS[number]} PolicyWord */
/** @typedef {{ traces: string[], policies: PolicyWord[], jsonFile?: string, writeDocs: boolean, help: boolean }} SimulateArguments */

/**
 * No traces: all that are shipped.
 * @param {readonly string[]} words the command line after the program's name
 * @returns {SimulateArguments}
 */
export function parseSimulateArguments(words) {
  /** @type {SimulateArguments} */
  const parsed = { traces: [], policies: [], writeDocs: false, help: false };
  const rest = words.flatMap((word) => (/^--[a-z-]+=./.test(word) ? [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] : [word]));
  /** @param {number} at @param {string} wanted */
  const valueAt = (at, wanted) => {
    const value = rest[at];
    if (!value || value.startsWith('-')) throw new SetupError(`${rest[at - 1]} wants ${wanted}.`, USAGE);
    return value;
  };
  for (let at = 0; at < rest.length; at += 1) {
    const word = rest[at];
    if (word === '--help' || word === '-h') parsed.help = true;
    else if (word === '--write-docs') parsed.writeDocs = true;
    else if (word === '--trace') parsed.traces.push(valueAt((at += 1), 'a file'));
    else if (word === '--json') parsed.jsonFile = valueAt((at += 1), 'a file');
    else if (word === '--policy') parsed.policies.push(...policiesNamed(valueAt((at += 1), 'a policy')));
    else throw new SetupError(`There is no option "${word}".`, USAGE);
  }
  if (parsed.policies.length === 0) parsed.policies = [...POLICY_WORDS];
  else parsed.policies = POLICY_WORDS.filter((word) => parsed.policies.includes(word));
  if (parsed.writeDocs && (parsed.traces.length > 0 || parsed.policies.length < POLICY_WORDS.length)) throw new SetupError('--write-docs is about all traces and all policies.', 'Leave out --trace and --policy.');
  return parsed;
}

/** @param {string} word @returns {readonly PolicyWord[]} */
function policiesNamed(word) {
  if (word === 'all') return POLICY_WORDS;
  const policy = POLICY_WORDS.find((known) => known === word);
  if (policy === undefined) throw new SetupError(`There is no policy "${word}".`, USAGE);
  return [policy];
}

export function usageText() {
  return [
    USAGE,
    '  --trace       a trace (examples/traces/README.md); all of examples/traces where there is none',
    '  --policy      ours: libs/scheduling as workers use it; fifo: a queue for each tier; first-fit: whatever fits, the oldest first',
    '  --json        writes the figures there',
    '  --write-docs  writes the tables of docs/scheduling.md',
  ].join('\n');
}
