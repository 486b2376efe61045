// @ts-check
import { SetupError } from '../setup/setup-error.mjs';

/** What can be measured, with what it says. More come as the product grows. */
export const BENCHES = /** @type {const} */ ({
  control: 'the control plane (CONTAINER_ENGINE=null) beside a bare Socket.IO + BullMQ floor',
  cold: 'a cold container run beside a bare `docker run` of the same image',
  warm: 'a warm container beside a cold one, its throughput, and what a worker grows by over many tasks',
  recovery: 'how long until work goes on after a worker, Redis, the container engine or an api was lost',
  simulate: 'placement on the traces of examples/traces, beside FIFO per tier, first fit and lower bounds',
});

/** @typedef {keyof typeof BENCHES} BenchName */

const USAGE = `npm run bench [-- ${Object.keys(BENCHES).join('|')}] [--json FILE]`;

/** @param {string} word @returns {word is BenchName} */
const isBench = (word) => Object.hasOwn(BENCHES, word);

/**
 * Without a name all benches run, one after the other.
 * @param {readonly string[]} words the command line after the program's name
 * @returns {{ benches: BenchName[], jsonFile?: string, help: boolean }}
 */
export function parseBenchArguments(words) {
  /** @type {BenchName[]} */
  const benches = [];
  /** @type {string | undefined} */
  let jsonFile;
  let help = false;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--help' || word === '-h') help = true;
    else if (word === '--json') {
      at += 1;
      jsonFile = words[at];
      if (!jsonFile || jsonFile.startsWith('-')) throw new SetupError('--json wants a file.', USAGE);
    } else if (word.startsWith('--json=') && word.length > '--json='.length) jsonFile = word.slice('--json='.length);
    else if (isBench(word)) {
      if (!benches.includes(word)) benches.push(word);
    } else throw new SetupError(`There is no bench "${word}".`, usageText());
  }
  const chosen = benches.length > 0 ? benches : /** @type {BenchName[]} */ (Object.keys(BENCHES));
  return { benches: chosen, help, ...(jsonFile === undefined ? {} : { jsonFile }) };
}

export function usageText() {
  return [USAGE, ...Object.entries(BENCHES).map(([name, meaning]) => `  ${name.padEnd(8)} ${meaning}`)].join('\n');
}
