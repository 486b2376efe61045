import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { env, memory, ready, setBackend } from '@tensorflow/tfjs-core';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

const BINARY = 'tfjs-backend-wasm-simd.wasm';
let started: Promise<void> | undefined;

/** Starts tfjs on its WebAssembly backend (SIMD, one thread) once for the process. */
export function startWasmBackend(): Promise<void> {
  started ??= start();
  return started;
}

/** How many tensors the backend holds: between two tasks those of the model, and no more. */
export function tensorsInMemory(): number {
  return memory().numTensors;
}

async function start(): Promise<void> {
  // One thread: on a busy two-core host two were slower, and the runner counts CPUs per container.
  env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  setWasmPaths(`${binaryFolder()}/`);
  if (!(await setBackend('wasm'))) throw new Error('the WebAssembly backend does not start: is SIMD missing on this CPU?');
  await ready();
}

/** The build puts the binary beside the bundle; run from source it comes from the npm package. */
function binaryFolder(): string {
  const beside = fileURLToPath(new URL('.', import.meta.url));
  if (existsSync(`${beside}${BINARY}`)) return dirname(`${beside}${BINARY}`);
  return dirname(createRequire(import.meta.url).resolve(`@tensorflow/tfjs-backend-wasm/wasm-out/${BINARY}`));
}
