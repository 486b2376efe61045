// @ts-check
import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Interrupted } from './setup-error.mjs';

/** Kept of a command's output for the report of a failure; the log file has all of it. */
const KEPT_OUTPUT = 64 * 1024;

/**
 * Looks where root's PATH would look too: an ordinary user's often lacks the folders of `dockerd`.
 * @param {string} name
 * @param {Readonly<Record<string, string | undefined>>} env
 * @returns {string | undefined}
 */
export function findProgram(name, env) {
  const folders = [...(env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  for (const folder of folders.filter(Boolean)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder: the next one may have it.
    }
  }
  return undefined;
}

/**
 * Runs a program to its end and gives its output, both streams as they came.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, logFile?: string, signal?: AbortSignal, onText?: (text: string) => void }} [options]
 * @returns {Promise<{ code: number, output: string }>} code 127: the program could not be started
 */
export function runCommand(program, args, { cwd, env, logFile, signal, onText } = {}) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new Interrupted());
    const log = logFile === undefined ? undefined : openSync(logFile, 'w');
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const stop = () => void child.kill('SIGTERM');
    signal?.addEventListener('abort', stop, { once: true });
    let output = '';
    /** @param {string} text */
    const take = (text) => {
      if (log !== undefined) writeSync(log, text);
      output = (output + text).slice(-KEPT_OUTPUT);
      onText?.(text);
    };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', take);
    /** @param {number} code */
    const end = (code) => {
      signal?.removeEventListener('abort', stop);
      if (log !== undefined) closeSync(log);
      if (signal?.aborted) reject(new Interrupted());
      else resolve({ code, output });
    };
    let failed = false;
    child.on('error', (error) => {
      if (failed || child.pid !== undefined) return;
      failed = true;
      take(`${error.message}\n`);
      end(127);
    });
    child.on('close', (code) => {
      if (!failed) end(code ?? 1);
    });
  });
}

/** @param {string} text @param {number} [count] */
export const lastLines = (text, count = 15) => text.trimEnd().split('\n').slice(-count).join('\n');

/** @param {string} file @param {number} [count] */
export function lastLinesOf(file, count = 15) {
  try {
    return lastLines(readFileSync(file, 'utf8'), count);
  } catch {
    return '(the log could not be read)';
  }
}
