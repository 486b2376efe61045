// @ts-check
import { SetupError } from '../setup/setup-error.mjs';

const USAGE = 'npm run chaos -- [--seed S] [--minutes M] [--faults a,b,c] [--json FILE] [--write-docs]';

/** A run that nobody shaped: one of those that the issue asks for. */
const DEFAULT_MINUTES = 10;
const MOST_MINUTES = 24 * 60;

/** @typedef {{ seed: number, minutes: number, faults: string[], jsonFile?: string, writeDocs: boolean, help: boolean }} ChaosArguments */

/**
 * Without a seed one is drawn, and printed by the run; without faults all kinds strike.
 * @param {readonly string[]} words the command line after the program's name
 * @param {() => number} [drawSeed]
 * @returns {ChaosArguments}
 */
export function parseChaosArguments(words, drawSeed = () => Math.floor(Math.random() * 100_000)) {
  /** @type {{ seed?: number, minutes: number, faults: string[], jsonFile?: string, writeDocs: boolean, help: boolean }} */
  const parsed = { minutes: DEFAULT_MINUTES, faults: [], writeDocs: false, help: false };
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
    else if (word === '--json') parsed.jsonFile = valueAt((at += 1), 'a file');
    else if (word === '--faults') parsed.faults.push(...valueAt((at += 1), 'kinds of faults, separated by commas').split(','));
    else if (word === '--seed') parsed.seed = numberOf(valueAt((at += 1), 'a whole number'), (value) => Number.isSafeInteger(value), '--seed wants a whole number.');
    else if (word === '--minutes') parsed.minutes = numberOf(valueAt((at += 1), 'a number'), (value) => value > 0 && value <= MOST_MINUTES, `--minutes wants a number above 0, at most ${MOST_MINUTES}.`);
    else throw new SetupError(`There is no option "${word}".`, USAGE);
  }
  if (parsed.writeDocs && parsed.faults.length > 0) throw new SetupError('--write-docs is about runs of all faults.', 'Leave out --faults.');
  return { ...parsed, seed: parsed.seed ?? drawSeed() };
}

/** @param {string} word @param {(value: number) => boolean} test @param {string} complaint */
function numberOf(word, test, complaint) {
  const value = Number(word);
  if (!test(value)) throw new SetupError(complaint, USAGE);
  return value;
}

/** @param {readonly string[]} kinds */
export function usageText(kinds) {
  return [
    USAGE,
    '  --seed        repeats a run’s faults and requests; drawn where there is none',
    `  --minutes     how long faults strike; ${DEFAULT_MINUTES} where there is none`,
    `  --faults      only these kinds: ${kinds.join(', ')}`,
    '  --json        writes the figures there',
    '  --write-docs  writes the run’s row into the table of docs/reliability.md',
  ].join('\n');
}
