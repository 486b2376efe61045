// @ts-check
// Loaded into the measured worker (`node --import`): on SIGUSR2 it collects its garbage and notes what is left. What a
// process holds says little about growth while it also holds what nobody needs any more.
import { renameSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const file = process.env.BENCH_MEMORY_FILE;

process.on('SIGUSR2', () => {
  if (file === undefined) return;
  setFlagsFromString('--expose-gc');
  const collect = /** @type {() => void} */ (runInNewContext('gc'));
  // What a first round finalizes, a second one frees.
  collect();
  collect();
  writeFileSync(`${file}.new`, JSON.stringify({ heapBytes: process.memoryUsage().heapUsed }));
  renameSync(`${file}.new`, file);
});
